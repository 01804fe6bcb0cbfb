/*
 * Templates: a virtual machine that was booted once and saved, to be restored copy-on-write ever
 * after. One lives in <template_path>/<hash of its key>/: `memory-<uuid>`, `state-<uuid>` and
 * template.json, which says what shaped the machine (the key) and what the files looked like when
 * they were complete. A template that does not fit in every respect is not used.
 */
#ifndef RUNTIME_FACTORY_TEMPLATE_H
#define RUNTIME_FACTORY_TEMPLATE_H

#include "runtime/factory/machine.h"

/* A template that was found fit. Zero-initialise by TEMPLATE_INIT. */
struct template
{
	struct arena arena;
	const char *dir;	 /* its directory, absolute */
	const char *memory_file; /* absolute */
	const char *accelerator;
	int state_fd; /* opened anew for each clone; -1: none */
};

#define TEMPLATE_INIT          \
	{                      \
		.state_fd = -1 \
	}

/*
 * Finds the template for machines like `shape`, or makes it. Of several that want the same one at
 * once, one makes it and the others wait, at most timeout_s. 0: found; -ENOENT: there is none and
 * none can be made, err says why (to be told once, as a warning): boot instead.
 */
int template_get(struct template *template, const struct config *config,
		 const struct machine *shape, struct error *err) must_check;

/* Finds it without making it. -ENOENT when there is none. */
int template_find(struct template *template, const struct config *config,
		  const struct machine *shape, struct error *err) must_check;

/* Removes one that turned out to be unfit. */
void template_discard(const struct template *template);

/* Removes every template under path, and path itself. Clones that run keep their memory. */
int template_remove_all(const char *path, struct error *err) must_check;

void template_done(struct template *template);

#endif
