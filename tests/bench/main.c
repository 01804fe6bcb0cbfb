/*
 * The figures: see docs/performance.md. run.sh gives the options.
 *
 *   acrun-bench [options] SECTION...	all sections without any
 *   acrun-bench [options] --bare	one bare path, for the measurement of many at once
 */
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include "base/parse.h"
#include "tests/bench/sections.h"
#include "tests/bench/vm.h"

enum { ROUNDS_DEFAULT = 7, ROUNDS_MAX = 20 };

static const struct {
	const char *name;
	const char *title;
	section_fn *run;
} sections[] = {
	{ "cold", "a create that boots", section_cold },
	{ "template", "a clone of the template", section_template },
	{ "cached", "a machine of the cache", section_cached },
	{ "seccomp", "a filter of system calls", section_seccomp },
	{ "steps", "the bare path of a clone, step by step", section_steps },
	{ "exec", "a further process", section_exec },
	{ "commands", "commands that only look", section_commands },
	{ "stdio", "bytes through a container's stdio", section_stdio },
	{ "memory", "memory of clones (sums)", section_memory },
	{ "parallel", "several runs at once, wall time per run", section_parallel },
};
enum { N_SECTIONS = sizeof(sections) / sizeof(sections[0]) };

static const struct {
	const char *name;
	size_t offset; /* of a const char * in struct rig */
	bool required;
} options[] = {
	{ "acrun", offsetof(struct rig, acrun), true },
	{ "bundle", offsetof(struct rig, bundle), true },
	{ "sleeper", offsetof(struct rig, sleeper), true },
	{ "filtered", offsetof(struct rig, filtered), false },
	{ "cold-config", offsetof(struct rig, cold_config), true },
	{ "empty-static", offsetof(struct rig, empty_static), true },
	{ "empty-dynamic", offsetof(struct rig, empty_dynamic), true },
	{ "self", offsetof(struct rig, self), true },
	{ "config", offsetof(struct rig, config_path), false },
	{ "cached-config", offsetof(struct rig, cached_config), false },
	{ "runc", offsetof(struct rig, runc), false },
	{ "crun", offsetof(struct rig, crun), false },
	{ "json", offsetof(struct rig, json_dir), false },
};
enum { N_OPTIONS = sizeof(options) / sizeof(options[0]) };

static const char **option_at(struct rig *rig, size_t i)
{
	return (const char **)(void *)((char *)rig + options[i].offset);
}

static int parse_options(int argc, char **argv, struct rig *rig, bool *bare, struct error *err)
{
	struct option longs[N_OPTIONS + 3] = { 0 };
	int at = 0, c;

	for (size_t i = 0; i < N_OPTIONS; i++)
		longs[i] = (struct option){ options[i].name, required_argument, NULL, 'o' };
	longs[N_OPTIONS] = (struct option){ "rounds", required_argument, NULL, 'r' };
	longs[N_OPTIONS + 1] = (struct option){ "bare", no_argument, NULL, 'b' };
	rig->rounds = ROUNDS_DEFAULT;
	while ((c = getopt_long(argc, argv, "", longs, &at)) != -1) {
		if (c == 'o')
			*option_at(rig, (size_t)at) = optarg;
		else if (c == 'b')
			*bare = true;
		else if (c != 'r')
			return err_msg(err, -EINVAL, "wrong option");
		else if (parse_u32(optarg, &rig->rounds) < 0 || rig->rounds < 1 ||
			 rig->rounds > ROUNDS_MAX)
			return err_msg(err, -EINVAL, "--rounds takes 1 to %d", ROUNDS_MAX);
	}
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (options[i].required && !*option_at(rig, i))
			return err_msg(err, -EINVAL, "--%s is missing", options[i].name);
	return 0;
}

static int measure(const struct rig *rig, size_t i, struct error *err)
{
	static struct section section;
	int ret;

	section = (struct section){ .name = sections[i].name, .title = sections[i].title };
	ret = sections[i].run(rig, &section, err);
	if (ret < 0)
		(void)err_ctx(err, "%s", section.name);
	else
		section_print(&section);
	if (ret == 0)
		ret = section_keep(&section, rig->json_dir, err);
	arena_done(&section.arena);
	return ret;
}

static int check_names(char **names, struct error *err)
{
	for (char **name = names; *name; name++) {
		size_t i = 0;

		while (i < N_SECTIONS && strcmp(*name, sections[i].name) != 0)
			i++;
		if (i == N_SECTIONS)
			return err_msg(err, -EINVAL, "there is no section '%s'", *name);
	}
	return 0;
}

static int measure_all(const struct rig *rig, char **names, struct error *err)
{
	int ret = check_names(names, err);

	for (size_t i = 0; ret == 0 && i < N_SECTIONS; i++) {
		bool wanted = !*names;

		for (char **name = names; *name; name++)
			wanted |= strcmp(*name, sections[i].name) == 0;
		if (sections[i].run == section_cached)
			wanted &= rig->cached_config != NULL;
		if (sections[i].run == section_seccomp)
			wanted &= rig->filtered != NULL;
		if (wanted)
			ret = measure(rig, i, err);
	}
	return ret;
}

static int bare_path(const struct rig *rig, struct error *err)
{
	struct vm_steps steps;
	struct oci_spec spec;

	vm_least_spec(rig, &spec);
	return vm_bare_path(rig, &spec, VM_CLONE, &steps, err);
}

int main(int argc, char **argv)
{
	struct rig rig = { 0 };
	struct error err = { 0 };
	bool bare = false;
	int ret = parse_options(argc, argv, &rig, &bare, &err);

	if (ret == 0)
		ret = rig_init(&rig, &err);
	if (ret == 0)
		ret = bare ? bare_path(&rig, &err) : measure_all(&rig, argv + optind, &err);
	rig_done(&rig);
	if (ret < 0)
		fprintf(stderr, "acrun-bench: %s\n", err.text);
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
