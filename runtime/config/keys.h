/* The table of keys and the steps of reading them. To get the configuration, use config.h. */
#ifndef RUNTIME_CONFIG_KEYS_H
#define RUNTIME_CONFIG_KEYS_H

#include "base/toml.h"
#include "runtime/config/config.h"

enum config_kind {
	CONFIG_STR,    /* const char *, never NULL */
	CONFIG_PATH,   /* as CONFIG_STR, absolute unless empty */
	CONFIG_ASSET,  /* const char *: absolute; a relative one counts from the prefix; empty: the
			  default, NULL if that is empty too */
	CONFIG_WORD,   /* const char *: one of words */
	CONFIG_SWITCH, /* const char *: one of words; a boolean of the file is the word "true" or
			  "false" */
	CONFIG_BOOL,   /* bool */
	CONFIG_U32,    /* uint32_t */
	CONFIG_VCPUS,  /* uint32_t, at most the host's: negative for all of them */
	CONFIG_STRS,   /* const char *const *, NULL-terminated, never NULL */
};

struct config_key {
	const char *name;
	enum config_kind kind;
	size_t offset;	  /* in the struct of its table */
	const char *text; /* default of the kinds that are text; NULL: "" */
	int64_t number;	  /* default of the others */
	int64_t min, max;
	const char *zero; /* what is said instead of the range when the value is 0 */
	const char *const *words;
};

struct config_table {
	const char *name; /* "hypervisor.qemu" */
	size_t offset;	  /* of its struct in struct config */
	const struct config_key *keys;
	size_t n_keys;
};

/* The tables, ended by one without a name. */
const struct config_table *config_tables(void);
size_t config_key_count(void);
/* Index into config->origins of the i-th key of table. */
size_t config_key_index(const struct config_table *table, size_t i);

/* How a kind is written in the file. It also decides the member's C type: const char *, bool or
 * uint32_t. */
enum toml_kind config_toml_kind(enum config_kind kind);
/* The member of *cfg that the key is about. */
void *config_member(const struct config *cfg, const struct config_table *table,
		    const struct config_key *key);

/* Who set a key; file NULL: nobody. */
struct config_origin {
	const char *file;
	unsigned line;
};

/* Where the files may be; tests choose their own. */
struct config_places {
	const char *prefix;
	const char *install_prefix; /* where the build was configured to be installed */
	const char *sysconfdir;	    /* "/etc/acrun" */
};

/* Fills the places of this program. */
int config_places_get(struct arena *arena, struct config_places *places, struct error *err)
	must_check;
int config_places_paths(const struct config_places *places, struct arena *arena,
			const char *const **paths, struct error *err) must_check;

/* config_load() with places given. */
int config_load_from(const struct config_places *places, const char *explicit_path,
		     struct arena *arena, struct config *cfg, struct error *err) must_check;

/* Gives every key its default. */
int config_fill_defaults(struct arena *arena, struct config *cfg, struct error *err) must_check;
/* Applies the text of one file. */
int config_apply(const char *file, const char *text, size_t len, struct arena *arena,
		 struct config *cfg, struct error *err) must_check;
/*
 * Sets the i-th key of table from text, as an annotation has it: numbers in decimal, "true" or
 * "false". `origin` says who asks, in errors ("ORIGIN: what") and for provenance; it must outlive
 * cfg, as must all text. Lists cannot be set so.
 */
int config_set(struct config *cfg, struct arena *arena, const struct config_table *table, size_t i,
	       const char *origin, const char *text, struct error *err) must_check;
/* What can be said only when all files are read: assets, and keys that exclude each other. */
int config_finish(struct arena *arena, struct config *cfg, struct error *err) must_check;

#endif
