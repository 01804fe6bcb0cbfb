#include "tests/standins/acrn/dm_parse_internal.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/standins/acrn/dm_number.h"

enum {
	PATH_LIMIT = 1024,
	BOOTARGS_LIMIT = 2048,
	OPTIONS_MAX = 64,
	LONG_ONLY = 256,
};

#define MIB ((uint64_t)1 << 20)

typedef int option_fn(struct dm_config *cfg, const char *arg);

/* An option in the releases [since, until); 0: no limit. */
struct option_row {
	const char *name;
	int letter; /* 0: none */
	int has_arg;
	unsigned since;
	unsigned until;
	option_fn *fn; /* NULL: taken and without effect here */
};

static int on_acpi(struct dm_config *cfg, const char *arg)
{
	(void)arg;
	cfg->acpi = true;
	return DM_GO_ON;
}

static int on_uuid(struct dm_config *cfg, const char *arg)
{
	free(cfg->uuid);
	cfg->uuid = dm_copy(arg);
	return DM_GO_ON;
}

static int bad_memory(void)
{
	(void)fprintf(stderr, "invalid memsize\n");
	return DM_EXIT_USAGE;
}

static int on_memory(struct dm_config *cfg, const char *arg)
{
	static const char units[] = "kmg";
	uint64_t value = 0;
	const char *end = arg;
	const char *unit;

	if (dm_number(arg, 0, &value, &end) < 0 || !*end || end[1])
		return bad_memory();
	unit = strchr(units, tolower((unsigned char)*end));
	if (!unit)
		return bad_memory();
	cfg->memory = value << (10 * (unit - units + 1));
	return cfg->memory < 128 * MIB ? bad_memory() : DM_GO_ON;
}

static int set_file(struct dm_config *cfg, char **path, const char *arg, int missing)
{
	struct stat st;

	if (strlen(arg) >= PATH_LIMIT)
		return dm_fail("path of %zu bytes", strlen(arg));
	if (!cfg->no_files && (stat(arg, &st) < 0 || st.st_size == 0)) {
		(void)printf("SW_LOAD: check_image failed for '%s'\n", arg);
		return missing;
	}
	free(*path);
	*path = dm_copy(arg);
	return DM_GO_ON;
}

static int on_kernel(struct dm_config *cfg, const char *arg)
{
	return set_file(cfg, &cfg->kernel, arg, DM_EXIT_KERNEL);
}

static int on_ramdisk(struct dm_config *cfg, const char *arg)
{
	return set_file(cfg, &cfg->ramdisk, arg, DM_EXIT_RAMDISK);
}

static int on_bootargs(struct dm_config *cfg, const char *arg)
{
	if (strlen(arg) >= BOOTARGS_LIMIT)
		return DM_EXIT_FAIL;
	free(cfg->bootargs);
	cfg->bootargs = dm_copy(arg);
	if (strlen(arg) > DM_BOOTARGS_KEPT) {
		cfg->bootargs[DM_BOOTARGS_KEPT] = '\0';
		dm_fault(cfg, "bootargs: %zu bytes, the guest gets %d", strlen(arg),
			 DM_BOOTARGS_KEPT);
	}
	return DM_GO_ON;
}

static int on_ncpus(struct dm_config *cfg, const char *arg)
{
	int n = 0;

	if (dm_int(arg, &n) < 0 || n < 1 || n > 64)
		return DM_EXIT_USAGE;
	cfg->ncpus = (uint32_t)n;
	return DM_GO_ON;
}

static int on_cmd_monitor(struct dm_config *cfg, const char *arg)
{
	free(cfg->cmd_monitor);
	cfg->cmd_monitor = dm_copy(arg);
	return DM_GO_ON;
}

static int on_power_channel(struct dm_config *cfg, const char *arg)
{
	if (!strcmp(arg, "uart") || !strncmp(arg, "uart,", 5))
		return DM_EXIT_ABORT;
	if (!strcmp(arg, "power_button"))
		cfg->power_button = true;
	else if (strcmp(arg, "ioc") != 0)
		return DM_EXIT_FAIL;
	return DM_GO_ON;
}

static int on_no_msix(struct dm_config *cfg, const char *arg)
{
	(void)arg;
	cfg->virtio_intx_only = true;
	return DM_GO_ON;
}

/* Files that are only looked at. */
static int on_tool(struct dm_config *cfg, const char *arg)
{
	struct stat st;

	return !cfg->no_files && stat(arg, &st) < 0 ? DM_EXIT_USAGE : DM_GO_ON;
}

static int on_no_counterpart(struct dm_config *cfg, const char *arg)
{
	(void)cfg;
	(void)arg;
	return dm_fail("stand-in: no counterpart for this kind of guest");
}

static int on_obsolete(struct dm_config *cfg, const char *arg)
{
	(void)arg;
	if (cfg->profile->release >= DM_RELEASE(3, 0, 0))
		(void)printf("option is obsolete and ignored\n");
	return DM_GO_ON;
}

static int on_version(struct dm_config *cfg, const char *arg)
{
	(void)arg;
	(void)printf("%s\n", cfg->profile->banner);
	return 0;
}

static int usage(const struct dm_config *cfg, int status)
{
	(void)fprintf(stderr,
		      "usage: acrn-dm [options] <vmname>\n"
		      "  (stand-in of release %s: what it takes is in "
		      "docs/howto/acrn-without-hardware.md)\n",
		      cfg->profile->name);
	return status;
}

static int on_help(struct dm_config *cfg, const char *arg)
{
	(void)arg;
	return usage(cfg, 0);
}

#define R DM_RELEASE

static const struct option_row rows[] = {
	{ "acpi", 'A', no_argument, 0, 0, on_acpi },
	{ "uuid", 'U', required_argument, 0, R(2, 7, 0), on_uuid },
	{ "memsize", 'm', required_argument, 0, 0, on_memory },
	{ "kernel", 'k', required_argument, 0, 0, on_kernel },
	{ "ramdisk", 'r', required_argument, 0, 0, on_ramdisk },
	{ "bootargs", 'B', required_argument, 0, 0, on_bootargs },
	{ "elf_file", 'E', required_argument, 0, 0, on_no_counterpart },
	{ "pci_slot", 's', required_argument, 0, 0, dm_parse_slot },
	{ "lpc", 'l', required_argument, 0, 0, dm_parse_com },
	{ "mptgen", 'Y', no_argument, 0, 0, on_obsolete },
	{ "gvtargs", 'G', required_argument, 0, 0, on_obsolete },
	{ "ioc_node", 'i', required_argument, 0, 0, on_obsolete },
	{ "vsbl", 0, required_argument, 0, 0, on_obsolete },
	{ "part_info", 0, required_argument, 0, 0, on_obsolete },
	{ "mac_seed", 0, required_argument, 0, 0, on_obsolete },
	{ "pm_by_vuart", 0, required_argument, 0, 0, on_obsolete },
	{ "virtio_msix", 'W', no_argument, 0, R(3, 0, 0), on_no_msix },
	{ "virtio_msi", 0, no_argument, R(3, 0, 0), 0, on_no_msix },
	{ "ncpus", 'c', required_argument, 0, R(1, 4, 0), on_ncpus },
	{ "pincpu", 'p', required_argument, 0, R(1, 6, 2), NULL },
	{ "ptdev_no_reset", 0, no_argument, 0, R(1, 6, 0), NULL },
	{ "cpu_affinity", 0, required_argument, R(1, 6, 1), 0, dm_parse_affinity },
	{ "ovmf", 0, required_argument, 0, 0, on_no_counterpart },
	{ "iasl", 0, required_argument, R(3, 1, 0), 0, on_tool },
	{ "cmd_monitor", 0, required_argument, R(3, 0, 0), 0, on_cmd_monitor },
	{ "pm_notify_channel", 0, required_argument, R(1, 3, 0), 0, on_power_channel },
	{ "logger_setting", 0, required_argument, R(1, 1, 0), 0, NULL },
	{ "virtio_poll", 0, required_argument, 0, 0, NULL },
	{ "debugexit", 0, no_argument, 0, 0, NULL },
	{ "lapic_pt", 0, no_argument, 0, 0, NULL },
	{ "rtvm", 0, no_argument, 0, 0, NULL },
	{ "intr_monitor", 0, required_argument, 0, 0, NULL },
	{ "enable_trusty", 0, no_argument, 0, 0, NULL },
	{ "windows", 0, no_argument, R(1, 4, 0), 0, NULL },
	{ "vtpm2", 0, required_argument, 0, 0, on_no_counterpart },
	{ "apcidev_pt", 0, required_argument, R(2, 1, 0), R(2, 3, 0), on_no_counterpart },
	{ "acpidev_pt", 0, required_argument, R(2, 3, 0), 0, on_no_counterpart },
	{ "mmiodev_pt", 0, required_argument, 0, 0, on_no_counterpart },
	{ "psram", 0, no_argument, R(2, 2, 0), R(2, 5, 0), NULL },
	{ "ssram", 0, required_argument, R(2, 5, 0), 0, NULL },
	{ NULL, 'v', no_argument, 0, 0, on_version },
	{ "help", 'h', no_argument, 0, 0, on_help },
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

_Static_assert(N_ROWS < OPTIONS_MAX, "room for all options and getopt's end mark");

/* getopt's tables for one release. */
struct grammar {
	struct option longs[OPTIONS_MAX];
	char shorts[2 * OPTIONS_MAX];
};

static void add_row(struct grammar *g, size_t i, size_t *n_long, size_t *n_short)
{
	if (rows[i].letter) {
		g->shorts[(*n_short)++] = (char)rows[i].letter;
		if (rows[i].has_arg == required_argument)
			g->shorts[(*n_short)++] = ':';
	}
	if (rows[i].name)
		g->longs[(*n_long)++] = (struct option){
			.name = rows[i].name,
			.has_arg = rows[i].has_arg,
			.val = LONG_ONLY + (int)i,
		};
}

static void make_grammar(const struct dm_config *cfg, struct grammar *g)
{
	size_t n_long = 0;
	size_t n_short = 0;

	for (size_t i = 0; i < N_ROWS; i++)
		if (dm_release_in(cfg, rows[i].since, rows[i].until))
			add_row(g, i, &n_long, &n_short);
}

static const struct option_row *find_row(const struct dm_config *cfg, int opt)
{
	if (opt >= LONG_ONLY)
		return &rows[opt - LONG_ONLY];
	for (size_t i = 0; i < N_ROWS; i++)
		if (rows[i].letter == opt && dm_release_in(cfg, rows[i].since, rows[i].until))
			return &rows[i];
	return NULL;
}

static int check_name(struct dm_config *cfg, const char *name)
{
	if (strlen(name) > cfg->profile->name_max)
		return dm_fail("VM name '%s' exceeds the maximum length: %zu", name,
			       cfg->profile->name_max);
	if (strchr(name, '.'))
		dm_fault(cfg, "name: acrnctl does not see '%s', because of its dot", name);
	cfg->vmname = dm_copy(name);
	return DM_GO_ON;
}

int dm_parse_options(struct dm_config *cfg, int argc, char **argv)
{
	struct grammar g = { 0 };
	int opt;

	make_grammar(cfg, &g);
	cfg->memory = 256 * MIB;
	/* glibc: forget what an earlier command line left */
	optind = 0;
	while ((opt = getopt_long(argc, argv, g.shorts, g.longs, NULL)) != -1) {
		const struct option_row *row = opt == '?' ? NULL : find_row(cfg, opt);
		int ret = DM_GO_ON;

		if (!row)
			return usage(cfg, DM_EXIT_FAIL);
		if (row->fn)
			ret = row->fn(cfg, optarg);
		if (ret != DM_GO_ON)
			return ret;
	}
	if (argc - optind != 1)
		return usage(cfg, DM_EXIT_FAIL);
	return check_name(cfg, argv[optind]);
}

int dm_parse_late(struct dm_config *cfg)
{
	enum dm_need need = cfg->profile->cpus_need;

	for (unsigned i = 0; i < cfg->n_devices; i++)
		if (cfg->devices[i].bus != 0)
			return dm_fail("mptable: bus %u", cfg->devices[i].bus);
	if (cfg->cpu_mask == 0 && (need == DM_ALWAYS || (need == DM_WITH_ACPI && cfg->acpi)))
		return dm_fail("Invalid guest_pcpu_bitmask\nacpi_build failed, error=-1");
	if (!cfg->kernel)
		return dm_fail("no image to load");
	return DM_GO_ON;
}

static bool is_uuid(const char *text)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (strlen(text) != strlen(shape))
		return false;
	for (size_t i = 0; shape[i]; i++)
		if (shape[i] == 'x' ? !isxdigit((unsigned char)text[i]) : text[i] != '-')
			return false;
	return true;
}

int dm_parse_vm(struct dm_config *cfg)
{
	if (cfg->uuid && !is_uuid(cfg->uuid))
		return dm_fail("vm_create failed");
	if (cfg->n_devices == 0)
		return DM_EXIT_SEGV;
	if (cfg->memory % (2 * MIB))
		return dm_fail("Unable to setup memory (%d)", EINVAL);
	return DM_GO_ON;
}

int dm_parse(struct dm_config *cfg, int argc, char **argv)
{
	int ret = dm_parse_options(cfg, argc, argv);

	if (ret == DM_GO_ON)
		ret = dm_parse_vm(cfg);
	for (unsigned i = 0; ret == DM_GO_ON && i < cfg->n_devices; i++)
		ret = dm_parse_device(cfg, &cfg->devices[i]);
	return ret == DM_GO_ON ? dm_parse_late(cfg) : ret;
}

unsigned dm_vcpus(const struct dm_config *cfg)
{
	unsigned n = (unsigned)__builtin_popcountll(cfg->cpu_mask);

	return n ? n : (cfg->ncpus ? cfg->ncpus : 1);
}
