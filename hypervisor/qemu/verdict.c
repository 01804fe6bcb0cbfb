#include "hypervisor/qemu/accel.h"

#include <string.h>

static const struct json_row verdict_rows[] = {
	{ .name = "key",
	  .kind = JSON_STR,
	  .offset = offsetof(struct accel_verdict, key),
	  .flags = JSON_REQUIRED },
	{ .name = "accelerator",
	  .kind = JSON_STR,
	  .offset = offsetof(struct accel_verdict, accelerator),
	  .flags = JSON_REQUIRED },
	{ .name = "reason", .kind = JSON_STR, .offset = offsetof(struct accel_verdict, reason) },
	{ .name = "tookMs", .kind = JSON_I64, .offset = offsetof(struct accel_verdict, took_ms) },
};
static const struct json_type verdict_type = JSON_TYPE(accel_verdict, verdict_rows);

static const struct json_row file_rows[] = {
	{ .name = "bootId",
	  .kind = JSON_STR,
	  .offset = offsetof(struct accel_file, boot_id),
	  .flags = JSON_REQUIRED },
	{ .name = "verdicts",
	  .kind = JSON_OBJS,
	  .offset = offsetof(struct accel_file, verdicts),
	  .flags = JSON_REQUIRED,
	  .type = &verdict_type },
};
static const struct json_type file_type = JSON_TYPE(accel_file, file_rows);

static const struct json_limits limits = { .max_depth = 8, .max_bytes = 256 << 10 };

/* The verdicts of this boot; none when the text is damaged or of another boot. */
static size_t load(const char *text, size_t len, const char *boot_id, struct arena *arena,
		   const struct accel_verdict **verdicts)
{
	struct accel_file file;
	struct error ignored;

	if (json_decode(&file_type, text, len, &limits, arena, &file, &ignored) < 0 ||
	    strcmp(file.boot_id, boot_id) != 0)
		return 0;
	*verdicts = file.verdicts.items;
	return file.verdicts.len;
}

const struct accel_verdict *accel_verdict_find(const char *text, size_t len, const char *boot_id,
					       const char *key, struct arena *arena)
{
	const struct accel_verdict *all = NULL;
	size_t n = load(text, len, boot_id, arena, &all);

	for (size_t i = 0; i < n; i++) {
		const char *what = all[i].accelerator;

		if (!strcmp(all[i].key, key) && (!strcmp(what, "kvm") || !strcmp(what, "tcg")))
			return &all[i];
	}
	return NULL;
}

int accel_verdict_add(const char *text, size_t len, const char *boot_id,
		      const struct accel_verdict *verdict, struct strbuf *out)
{
	auto_arena struct arena arena = { 0 };
	struct accel_verdict kept[ACCEL_VERDICTS_MAX];
	const struct accel_verdict *old = NULL;
	struct accel_file file = { .boot_id = boot_id, .verdicts = { .items = kept, .len = 1 } };
	size_t n = load(text, len, boot_id, &arena, &old);

	kept[0] = *verdict;
	for (size_t i = 0; i < n && file.verdicts.len < ACCEL_VERDICTS_MAX; i++)
		if (strcmp(old[i].key, verdict->key) != 0)
			kept[file.verdicts.len++] = old[i];
	return json_encode(&file_type, &file, 2, out);
}
