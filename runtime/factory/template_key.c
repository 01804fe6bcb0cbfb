#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "acrun_version.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/strbuf.h"
#include "runtime/factory/template_internal.h"

#define FNV_START UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

enum { STATE_MAX = 64 << 20 };

#define FILE_FIELD(member) .offset = offsetof(struct template_file, member)

static const struct json_row file_rows[] = {
	{ .name = "name", .kind = JSON_STR, FILE_FIELD(name), .flags = JSON_REQUIRED },
	{ .name = "size", .kind = JSON_U64, FILE_FIELD(size), .flags = JSON_REQUIRED },
	{ .name = "inode", .kind = JSON_U64, FILE_FIELD(inode), .flags = JSON_REQUIRED },
	{ .name = "ctime", .kind = JSON_I64, FILE_FIELD(ctime_ns), .flags = JSON_REQUIRED },
	{ .name = "sum", .kind = JSON_U64, FILE_FIELD(sum), .flags = JSON_OMIT_EMPTY },
};
static const struct json_type file_type = JSON_TYPE(template_file, file_rows);

#define FIELD(member) .offset = offsetof(struct template_record, member)

static const struct json_row record_rows[] = {
	{ .name = "version", .kind = JSON_U32, FIELD(version), .flags = JSON_REQUIRED },
	{ .name = "key", .kind = JSON_STR, FIELD(key), .flags = JSON_REQUIRED },
	{ .name = "accelerator", .kind = JSON_STR, FIELD(accelerator), .flags = JSON_REQUIRED },
	{ .name = "memory",
	  .kind = JSON_OBJ,
	  FIELD(memory),
	  .type = &file_type,
	  .flags = JSON_REQUIRED },
	{ .name = "state",
	  .kind = JSON_OBJ,
	  FIELD(state),
	  .type = &file_type,
	  .flags = JSON_REQUIRED },
};
const struct json_type template_record_type = JSON_TYPE(template_record, record_rows);

static int64_t nanoseconds(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int template_describe(int fd, const char *name, struct template_file *file, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(err, -errno, "look at '%s'", name);
	*file = (struct template_file){
		.name = name,
		.size = (uint64_t)st.st_size,
		.inode = st.st_ino,
		.ctime_ns = nanoseconds(st.st_ctim),
	};
	return 0;
}

int template_sum(int fd, uint64_t *sum, struct error *err)
{
	auto_strbuf struct strbuf content = { 0 };
	uint64_t h = FNV_START;
	int ret = lseek(fd, 0, SEEK_SET) < 0 ? -errno : fs_read_all(fd, &content, STATE_MAX);

	if (ret < 0)
		return err_set(err, ret, "read the state of a template");
	for (size_t i = 0; i < content.len; i++)
		h = (h ^ (unsigned char)content.data[i]) * FNV_PRIME;
	*sum = h ? h : 1;
	return 0;
}

/* Links are followed: what counts is the file that is used. */
static int add_file(struct strbuf *key, const char *what, const char *path, struct error *err)
{
	struct stat st;

	if (!path || !*path)
		return 0;
	if (stat(path, &st) < 0)
		return err_set(err, -errno, "look at '%s'", path);
	return strbuf_addf(key, "%s=%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 "\n", what,
			   path, (uint64_t)st.st_dev, (uint64_t)st.st_ino, (uint64_t)st.st_size,
			   nanoseconds(st.st_mtim));
}

static void add_text(struct strbuf *key, const char *what, const char *text)
{
	strbuf_addf(key, "%s=%s\n", what, text ? text : "");
}

/* FNV-1a: names a directory, no more; the key itself is compared. */
static void hash_text(const char *text, char hash[static TEMPLATE_HASH_LEN])
{
	uint64_t h = FNV_START;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * FNV_PRIME;
	(void)snprintf(hash, TEMPLATE_HASH_LEN, "%016" PRIx64, h);
}

int template_key(const struct machine *shape, struct arena *arena, const char **key,
		 char hash[static TEMPLATE_HASH_LEN], struct error *err)
{
	const struct hypervisor_config *cfg = shape->config;
	auto_strbuf struct strbuf text = { 0 };
	int ret;

	add_text(&text, "acrun", ACRUN_VERSION " " ACRUN_COMMIT);
	add_text(&text, "hypervisor", shape->hypervisor->name);
	ret = add_file(&text, "path", cfg->path, err);
	if (ret == 0)
		ret = add_file(&text, "kernel", cfg->kernel, err);
	if (ret == 0)
		ret = add_file(&text, "initrd", cfg->initrd, err);
	if (ret == 0)
		ret = add_file(&text, "image", cfg->image, err);
	if (ret < 0)
		return ret;
	add_text(&text, "kernel_params", cfg->kernel_params);
	add_text(&text, "machine_type", cfg->machine_type);
	add_text(&text, "machine_accelerators", cfg->machine_accelerators);
	add_text(&text, "cpu_features", cfg->cpu_features);
	add_text(&text, "accelerator", cfg->accelerator);
	add_text(&text, "entropy_source", cfg->entropy_source);
	add_text(&text, "image_format", cfg->image_format);
	for (const char *const *arg = cfg->extra_args; arg && *arg; arg++)
		add_text(&text, "argument", *arg);
	strbuf_addf(&text, "vcpus=%u of %u\nmemory=%u of %u in %u\nnics=%u\ndebug=%d\n",
		    shape->vcpus, shape->max_vcpus, shape->memory_mib, shape->max_memory_mib,
		    shape->memory_slots, shape->nic_slots, cfg->enable_debug);
	if (shape->no_share)
		strbuf_addf(&text, "disks=%u\n", shape->disk_slots);
	*key = arena_strdup(arena, strbuf_str(&text));
	if (strbuf_error(&text) < 0 || !*key)
		return err_set(err, -ENOMEM, "describe the virtual machine");
	hash_text(*key, hash);
	return 0;
}

/* Is the line "what=path dev inode size mtime" what the file looks like now? */
static bool line_holds(const char *line, size_t len)
{
	auto_free char *copy = strndup(line, len);
	auto_strbuf struct strbuf now = { 0 };
	char *path = copy ? strchr(copy, '=') : NULL;
	char *end = copy ? copy + len : NULL;

	if (!path)
		return false;
	for (int i = 0; i < 4 && end; i++) {
		*end = '\0';
		end = strrchr(path, ' ');
	}
	if (!end)
		return false;
	*end = '\0';
	*path++ = '\0';
	if (add_file(&now, copy, path, NULL) < 0 || now.len != len + 1)
		return false;
	return !memcmp(now.data, line, len);
}

bool template_key_is_stale(const char *key)
{
	static const char *const files[] = { "path=", "kernel=", "initrd=", "image=" };

	for (const char *line = key, *end; (end = strchr(line, '\n')); line = end + 1) {
		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
			if (!strncmp(line, files[i], strlen(files[i])) &&
			    !line_holds(line, (size_t)(end - line)))
				return true;
		}
	}
	return strncmp(key, "acrun=" ACRUN_VERSION " " ACRUN_COMMIT "\n",
		       strlen("acrun=" ACRUN_VERSION " " ACRUN_COMMIT "\n")) != 0;
}
