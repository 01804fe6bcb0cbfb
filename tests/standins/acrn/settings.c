#include "tests/standins/acrn/settings.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/parse.h"
#include "base/strbuf.h"

#define NAME "acrn-dm"

enum { FILE_MAX = 64 << 10, KEY_MAX = 32, VALUE_MAX = 4096 };

enum kind { TEXT, NUMBER, PROFILE };

static const struct {
	const char *key;
	enum kind kind;
	size_t offset;
	const char *preset;
} keys[] = {
	{ "profile", PROFILE, offsetof(struct settings, profile), NULL },
	{ "run_dir", TEXT, offsetof(struct settings, run_dir), "/run/acrn" },
	{ "qemu", TEXT, offsetof(struct settings, qemu), "/usr/bin/qemu-system-x86_64" },
	{ "accel", TEXT, offsetof(struct settings, accel), "tcg,tb-size=128" },
	{ "kernel", TEXT, offsetof(struct settings, kernel), NULL },
	{ "append", TEXT, offsetof(struct settings, append), NULL },
	{ "faults", TEXT, offsetof(struct settings, faults), NULL },
	{ "uuids", TEXT, offsetof(struct settings, uuids),
	  "a7ada506-1ab0-4b6b-a0da-e513ca9b8c2f d2795438-25d6-11e8-864e-cb7a18b34643" },
	{ "max_vms", NUMBER, offsetof(struct settings, max_vms), NULL },
	{ "loss", NUMBER, offsetof(struct settings, loss), NULL },
	{ "loss_seed", NUMBER, offsetof(struct settings, loss_seed), NULL },
};

enum { N_KEYS = sizeof(keys) / sizeof(keys[0]) };

static int set_text(struct settings *set, size_t offset, const char *value)
{
	char **slot = (char **)(void *)((char *)set + offset);
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*slot);
	*slot = copy;
	return 0;
}

static int set_key(struct settings *set, const char *key, const char *value, struct error *err)
{
	for (unsigned i = 0; i < N_KEYS; i++) {
		void *slot = (char *)set + keys[i].offset;
		int ret;

		if (strcmp(keys[i].key, key) != 0)
			continue;
		if (keys[i].kind == PROFILE) {
			set->profile = dm_profile_find(value);
			return set->profile ? 0 : err_msg(err, -EINVAL, "no profile '%s'", value);
		}
		ret = keys[i].kind == TEXT ? set_text(set, keys[i].offset, value)
					   : parse_u32(value, slot);
		return ret < 0 ? err_set(err, ret, "value '%s' of '%s'", value, key) : 0;
	}
	return err_msg(err, -EINVAL, "unknown key '%s'", key);
}

/* Copies [from, to) without the blanks at its ends. */
static bool copy_trimmed(const char *from, const char *to, char *out, size_t size)
{
	while (from < to && isspace((unsigned char)*from))
		from++;
	while (to > from && isspace((unsigned char)to[-1]))
		to--;
	if ((size_t)(to - from) >= size)
		return false;
	memcpy(out, from, (size_t)(to - from));
	out[to - from] = '\0';
	return true;
}

static int apply_item(struct settings *set, const char *from, const char *to, struct error *err)
{
	const char *equals = memchr(from, '=', (size_t)(to - from));
	char value[VALUE_MAX];
	char key[KEY_MAX];

	if (!copy_trimmed(from, to, value, sizeof(value)))
		return err_msg(err, -E2BIG, "an item is too long");
	if (!*value || *value == '#')
		return 0;
	if (!equals || !copy_trimmed(from, equals, key, sizeof(key)))
		return err_msg(err, -EINVAL, "'%s' is not 'key = value'", value);
	(void)copy_trimmed(equals + 1, to, value, sizeof(value));
	return set_key(set, key, value, err);
}

int settings_apply(struct settings *set, const char *text, char separator, struct error *err)
{
	const char stops[] = { '\n', separator, '\0' };

	while (*text) {
		size_t len = strcspn(text, stops);
		int ret = apply_item(set, text, text + len, err);

		if (ret < 0)
			return ret;
		text += len + (text[len] != '\0');
	}
	return 0;
}

static int apply_file(struct settings *set, const char *path, struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	int ret = fs_read_file_at(AT_FDCWD, path, &text, FILE_MAX);

	if (ret == -ENOENT)
		return 0;
	if (ret < 0)
		return err_set(err, ret, "read '%s'", path);
	ret = settings_apply(set, strbuf_str(&text), '\n', err);
	return ret < 0 ? err_ctx(err, "'%s'", path) : 0;
}

/* acrn-dm.conf lies beside acrn-dm-2.7 as well. */
static int apply_name(struct settings *set, const char *argv0, struct error *err)
{
	const char *slash = strrchr(argv0, '/');
	const char *base = slash ? slash + 1 : argv0;
	auto_strbuf struct strbuf path = { 0 };
	int ret;

	if (slash) {
		(void)strbuf_add(&path, argv0, (size_t)(base - argv0));
		(void)strbuf_adds(&path, NAME ".conf");
		if (strbuf_error(&path) < 0)
			return err_set(err, strbuf_error(&path), "the name of the settings");
		ret = apply_file(set, strbuf_str(&path), err);
		if (ret < 0)
			return ret;
	}
	base = strrchr(base, '-');
	if (base && isdigit((unsigned char)base[1]))
		return set_key(set, "profile", base + 1, err);
	return 0;
}

int settings_load(struct settings *set, const char *argv0, const char *environment,
		  struct error *err)
{
	int ret;

	*set = (struct settings){ .profile = dm_profile_default(), .loss_seed = 1 };
	for (unsigned i = 0; i < N_KEYS; i++)
		if (keys[i].preset && set_text(set, keys[i].offset, keys[i].preset) < 0)
			return err_set(err, -ENOMEM, "keep the settings");
	ret = apply_name(set, argv0, err);
	if (ret == 0 && environment) {
		ret = settings_apply(set, environment, ';', err);
		if (ret < 0)
			(void)err_ctx(err, "ACRN_STANDIN");
	}
	return ret;
}

void settings_done(struct settings *set)
{
	for (unsigned i = 0; i < N_KEYS; i++)
		if (keys[i].kind == TEXT)
			free(*(char **)(void *)((char *)set + keys[i].offset));
	*set = (struct settings){ 0 };
}
