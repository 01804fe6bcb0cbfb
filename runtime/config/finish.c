/* What can be said of a configuration only when all its files are read, and the reading of it key
 * by key. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include "acrun_version.h"
#include "base/strbuf.h"
#include "runtime/config/keys.h"

#define HOST_DIR       "/run/acrun-host"
#define DEFAULT_INITRD ACRUN_REL_DATADIR "/initrd.cpio"
#define SMALL_KERNEL   ACRUN_REL_DATADIR "/vmlinux-small"
#define SMALL_INITRD   ACRUN_REL_DATADIR "/initrd-small.cpio"
#define SMALL_BZIMAGE  ACRUN_REL_DATADIR "/bzImage-small"
#define DEFAULT_IMAGE  ACRUN_REL_DATADIR "/disk.img"

/* Makes the asset absolute; an empty one becomes its default or NULL. */
static int finish_asset(const char *prefix, struct arena *arena, const char **asset,
			const char *fallback)
{
	if (!**asset)
		*asset = fallback;
	if (!*asset || **asset == '/')
		return 0;
	*asset = arena_printf(arena, "%s/%s", prefix, *asset);
	return *asset ? 0 : -ENOMEM;
}

static const struct config_origin *origin_of(const struct config *cfg, const char *table,
					     const char *key)
{
	for (const struct config_table *t = config_tables(); t->name; t++) {
		for (size_t i = 0; i < t->n_keys; i++) {
			if (strcmp(t->name, table) == 0 && strcmp(t->keys[i].name, key) == 0)
				return &cfg->origins[config_key_index(t, i)];
		}
	}
	return NULL;
}

static int check_root_source(const struct config *cfg, struct error *err)
{
	const struct config_origin *image = origin_of(cfg, "hypervisor.qemu", "image");
	const struct config_origin *initrd = origin_of(cfg, "hypervisor.qemu", "initrd");

	if (!*cfg->qemu.image || !*cfg->qemu.initrd)
		return 0;
	err_msg(err, -EINVAL,
		"having both an image and an initrd defined in the configuration file is not "
		"supported");
	return err_hint(err, "image: %s:%u, initrd: %s:%u; set one of them to \"\"", image->file,
			image->line, initrd->file, initrd->line);
}

/* Where the small kernel has been built it is the default. It has no modules and therefore an
 * initrd of its own: who names a kernel or an initrd does not get half of the pair. */
static int prefer_small(struct arena *arena, struct config *cfg)
{
	const struct config_origin *named = origin_of(cfg, "hypervisor.qemu", "kernel");
	struct hypervisor_config *qemu = &cfg->qemu;
	const char *kernel;
	const char *initrd;

	if ((named->file && *qemu->kernel) || *qemu->initrd)
		return 0;
	kernel = arena_printf(arena, "%s/" SMALL_KERNEL, cfg->prefix);
	initrd = arena_printf(arena, "%s/" SMALL_INITRD, cfg->prefix);
	if (!kernel || !initrd)
		return -ENOMEM;
	if (access(kernel, R_OK) < 0)
		return 0;
	if (*qemu->image) {
		qemu->kernel = kernel;
	} else if (access(initrd, R_OK) == 0) {
		qemu->kernel = kernel;
		qemu->initrd = initrd;
	}
	return 0;
}

/* As above. It has its drivers built in, so the disk is enough, which all guests share and none has
 * in memory. */
static int prefer_small_on_acrn(struct arena *arena, struct config *cfg)
{
	const struct config_origin *named = origin_of(cfg, "hypervisor.acrn", "kernel");
	struct hypervisor_config *acrn = &cfg->acrn;
	const char *kernel;
	const char *image;

	if ((named->file && *acrn->kernel) || *acrn->initrd)
		return 0;
	kernel = arena_printf(arena, "%s/" SMALL_BZIMAGE, cfg->prefix);
	image = arena_printf(arena, "%s/" DEFAULT_IMAGE, cfg->prefix);
	if (!kernel || !image)
		return -ENOMEM;
	if (access(kernel, R_OK) < 0 || (!*acrn->image && access(image, R_OK) < 0))
		return 0;
	acrn->kernel = kernel;
	if (!*acrn->image)
		acrn->image = image;
	return 0;
}

int config_finish(struct arena *arena, struct config *cfg, struct error *err)
{
	int ret = check_root_source(cfg, err);
	const char *initrd = *cfg->qemu.image ? NULL : DEFAULT_INITRD;

	if (ret < 0)
		return ret;
	ret = prefer_small(arena, cfg);
	if (ret == 0)
		ret = prefer_small_on_acrn(arena, cfg);
	if (ret == 0)
		ret = finish_asset(cfg->prefix, arena, &cfg->qemu.initrd, initrd);
	if (ret == 0)
		ret = finish_asset(cfg->prefix, arena, &cfg->acrn.initrd,
				   *cfg->acrn.image ? NULL : DEFAULT_INITRD);
	for (const struct config_table *t = config_tables(); t->name && ret == 0; t++) {
		for (size_t i = 0; i < t->n_keys && ret == 0; i++) {
			const char **member = config_member(cfg, t, &t->keys[i]);

			if (t->keys[i].kind == CONFIG_ASSET && *member)
				ret = finish_asset(cfg->prefix, arena, member, t->keys[i].text);
		}
	}
	if (ret < 0)
		return err_set(err, ret, "read '%s'", cfg->file);
	cfg->acrn.default_vcpus = 1; /* what its scenario gives, not the configuration */
	cfg->qemu.host_dir = HOST_DIR;
	cfg->acrn.host_dir = HOST_DIR;
	return 0;
}

const struct hypervisor_config *config_hypervisor(const struct config *cfg, const char *name)
{
	static const char family[] = "hypervisor.";
	const size_t len = sizeof(family) - 1;

	for (const struct config_table *t = config_tables(); t->name; t++) {
		if (strncmp(t->name, family, len) == 0 && strcmp(t->name + len, name) == 0)
			return (const void *)((const char *)cfg + t->offset);
	}
	return NULL;
}

/* A TOML basic string; control characters cannot be in it. */
static void put_quoted(struct strbuf *buf, const char *text)
{
	strbuf_addc(buf, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			strbuf_addc(buf, '\\');
		strbuf_addc(buf, *text);
	}
	strbuf_addc(buf, '"');
}

static void put_list(struct strbuf *buf, const char *const *items)
{
	strbuf_addc(buf, '[');
	for (size_t i = 0; items[i]; i++) {
		if (i > 0)
			strbuf_adds(buf, ", ");
		put_quoted(buf, items[i]);
	}
	strbuf_addc(buf, ']');
}

static const char *format_value(struct arena *arena, const struct config_key *key,
				const void *member)
{
	enum toml_kind kind = config_toml_kind(key->kind);
	auto_strbuf struct strbuf buf = { 0 };
	const char *text;

	if (kind == TOML_INT)
		return arena_printf(arena, "%" PRIu32, *(const uint32_t *)member);
	if (kind == TOML_BOOL)
		return *(const bool *)member ? "true" : "false";
	if (kind == TOML_STRS) {
		put_list(&buf, *(const char *const *const *)member);
	} else {
		text = *(const char *const *)member;
		put_quoted(&buf, text ? text : "");
	}
	return strbuf_error(&buf) ? NULL : arena_strdup(arena, strbuf_str(&buf));
}

int config_value_at(const struct config *cfg, size_t i, struct arena *arena,
		    struct config_value *value)
{
	const struct config_origin *origin;

	if (i >= config_key_count())
		return -ENOENT;
	origin = &cfg->origins[i];
	for (const struct config_table *t = config_tables(); t->name; t++) {
		if (i >= t->n_keys) {
			i -= t->n_keys;
			continue;
		}
		*value = (struct config_value){
			.table = t->name,
			.key = t->keys[i].name,
			.value = format_value(arena, &t->keys[i],
					      config_member(cfg, t, &t->keys[i])),
			.file = origin->file,
			.line = origin->line,
		};
		return value->value ? 0 : -ENOMEM;
	}
	return -ENOENT;
}
