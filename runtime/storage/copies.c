#include "runtime/storage/copies.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "agent/proto/tree_apply.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"

enum { FILE_MAX = 1 << 20, TOLD_MAX = 16 };

static const struct json_row copy_rows[] = {
	{ .name = "target",
	  .kind = JSON_STR,
	  .offset = offsetof(struct copy, target),
	  .flags = JSON_REQUIRED },
	{ .name = "source",
	  .kind = JSON_STR,
	  .offset = offsetof(struct copy, source),
	  .flags = JSON_REQUIRED },
	{ .name = "destination",
	  .kind = JSON_STR,
	  .offset = offsetof(struct copy, destination),
	  .flags = JSON_REQUIRED },
};
static const struct json_type copy_type = JSON_TYPE(copy, copy_rows);

static const struct json_row copies_rows[] = {
	{ .name = "since", .kind = JSON_I64, .offset = offsetof(struct copies, since_s) },
	{ .name = "sinceNs", .kind = JSON_U32, .offset = offsetof(struct copies, since_ns) },
	{ .name = "maxBytes", .kind = JSON_U64, .offset = offsetof(struct copies, max_bytes) },
	{ .name = "copies",
	  .kind = JSON_OBJS,
	  .offset = offsetof(struct copies, list),
	  .type = &copy_type },
};
static const struct json_type copies_type = JSON_TYPE(copies, copies_rows);

int copies_save(int dir_fd, const struct copies *copies, struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	int ret = json_encode(&copies_type, copies, 2, &text);

	if (ret == 0)
		ret = fs_replace_at(dir_fd, COPIES_FILE, text.data, text.len, 0600, false);
	return ret < 0 ? err_set(err, ret, "write '%s'", COPIES_FILE) : 0;
}

int copies_load(int dir_fd, struct arena *arena, struct copies *copies, struct error *err)
{
	static const struct json_limits limits = { .max_depth = 4, .max_bytes = FILE_MAX };
	auto_strbuf struct strbuf text = { 0 };
	int ret = fs_read_file_at(dir_fd, COPIES_FILE, &text, FILE_MAX);

	*copies = (struct copies){ 0 };
	if (ret == -ENOENT)
		return 0;
	if (ret < 0)
		return err_set(err, ret, "read '%s'", COPIES_FILE);
	ret = json_decode(&copies_type, strbuf_str(&text), text.len, &limits, arena, copies, err);
	return ret < 0 ? err_ctx(err, "read '%s'", COPIES_FILE) : 0;
}

struct telling {
	const struct copy *copy;
	unsigned n;
};

static void tell(void *arg, const char *path, bool kept)
{
	struct telling *telling = arg;

	if (telling->n++ < TOLD_MAX)
		log_warning(
			"mount at \"%s\": '%s%s' was changed by the container and on the host; %s",
			telling->copy->destination, telling->copy->source, path,
			kept ? "the host's change is later and stays"
			     : "the container's is later and replaces the host's");
}

int copies_apply(const struct copies *copies, const struct copy *copy, int stream_fd,
		 struct error *err)
{
	struct telling telling = { .copy = copy };
	const char *slash = strrchr(copy->source, '/');
	const struct tree_apply apply = {
		.name = slash ? slash + 1 : "",
		.max_bytes = copies->max_bytes,
		.since = { copies->since_s, copies->since_ns },
		.in_place = true,
		.tell = tell,
		.arg = &telling,
	};
	auto_free char *parent = NULL;
	auto_close int dir = -1;

	if (!slash || !slash[1])
		return err_msg(err, -EINVAL, "'%s' cannot be written back to", copy->source);
	parent = slash == copy->source ? strdup("/")
				       : strndup(copy->source, (size_t)(slash - copy->source));
	dir = parent ? fs_open_dir_at(AT_FDCWD, parent) : -ENOMEM;
	if (dir < 0)
		return err_set(err, dir, "open the directory of '%s'", copy->source);
	return tree_apply(&apply, stream_fd, dir, err);
}
