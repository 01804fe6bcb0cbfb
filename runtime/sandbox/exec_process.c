/* What `exec` is to run: a file, or the bundle's process changed by options. */
#include "runtime/sandbox/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/parse.h"
#include "base/strbuf.h"

enum { PROCESS_FILE_MAX = 4 << 20 };

static int read_file(const char *path, struct arena *arena, struct oci_process *process,
		     struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	int ret = fs_read_file_at(AT_FDCWD, path, &text, PROCESS_FILE_MAX);

	if (ret < 0)
		return err_set(err, ret, "read the process file '%s'", path);
	return oci_process_decode(path, strbuf_str(&text), text.len, arena, process, err);
}

static int parse_id(const char *text, const char *kind, uint32_t *id, struct error *err)
{
	int ret = parse_u32(text, id);

	return ret < 0 ? err_msg(err, ret, "parsing %s as int for %s failed", text, kind) : 0;
}

static int set_user(const char *text, struct arena *arena, struct oci_user *user, struct error *err)
{
	const char *colon = strchr(text, ':');
	const char *uid = colon ? arena_strndup(arena, text, (size_t)(colon - text)) : text;
	int ret = 0;

	if (!uid)
		return err_set(err, -ENOMEM, "user '%s'", text);
	if (colon)
		ret = parse_id(colon + 1, "gid", &user->gid, err);
	return ret < 0 ? ret : parse_id(uid, "uid", &user->uid, err);
}

static int add_gids(const struct json_strs *gids, struct arena *arena, struct oci_user *user,
		    struct error *err)
{
	struct json_nums *nums = &user->additional_gids;
	int64_t *all = arena_calloc(arena, nums->len + gids->len, sizeof(*all));

	if (!all)
		return err_set(err, -ENOMEM, "additional groups");
	if (nums->len > 0)
		memcpy(all, nums->items, nums->len * sizeof(*all));
	for (size_t i = 0; i < gids->len; i++) {
		uint32_t gid;

		if (parse_u32(gids->items[i], &gid) < 0)
			return err_msg(err, -EINVAL,
				       "additional-gids must be a positive number: %s",
				       gids->items[i]);
		all[nums->len + i] = gid;
	}
	*nums = (struct json_nums){ .items = all, .len = nums->len + gids->len };
	return 0;
}

static int append(struct json_strs *to, const struct json_strs *more, struct arena *arena,
		  struct error *err)
{
	const char **all = arena_calloc(arena, to->len + more->len, sizeof(*all));

	if (!all)
		return err_set(err, -ENOMEM, "process");
	if (to->len > 0)
		memcpy(all, to->items, to->len * sizeof(*all));
	memcpy(all + to->len, more->items, more->len * sizeof(*all));
	*to = (struct json_strs){ .items = all, .len = to->len + more->len };
	return 0;
}

/* Not the inheritable set: through a file's capabilities it would give them to programs that were
 * not meant. */
static int add_caps(const struct json_strs *caps, struct arena *arena, struct oci_process *process,
		    struct error *err)
{
	struct oci_capabilities *sets = process->capabilities;
	int ret;

	if (!sets)
		sets = process->capabilities = arena_alloc(arena, sizeof(*sets));
	if (!sets)
		return err_set(err, -ENOMEM, "capabilities");
	ret = append(&sets->bounding, caps, arena, err);
	if (ret == 0)
		ret = append(&sets->effective, caps, arena, err);
	if (ret == 0)
		ret = append(&sets->permitted, caps, arena, err);
	if (ret == 0)
		ret = append(&sets->ambient, caps, arena, err);
	return ret;
}

static int change(const struct exec_request *request, struct arena *arena,
		  struct oci_process *process, struct error *err)
{
	int ret = 0;

	process->args = request->args;
	process->terminal = request->terminal;
	if (request->cwd)
		process->cwd = request->cwd;
	if (request->no_new_privs)
		process->no_new_privileges = true;
	if (request->user)
		ret = set_user(request->user, arena, &process->user, err);
	if (ret == 0 && request->gids.len > 0)
		ret = add_gids(&request->gids, arena, &process->user, err);
	if (ret == 0 && request->env.len > 0)
		ret = append(&process->env, &request->env, arena, err);
	if (ret == 0 && request->caps.len > 0)
		ret = add_caps(&request->caps, arena, process, err);
	return ret;
}

static int read_bundle(const char *bundle, struct arena *arena, struct oci_process *process,
		       struct error *err)
{
	auto_close int bundle_fd = fs_open_dir_at(AT_FDCWD, bundle);
	struct oci_spec spec;
	int ret;

	if (bundle_fd < 0)
		return err_set(err, bundle_fd, "open the bundle '%s'", bundle);
	ret = oci_spec_load(bundle_fd, "config.json", arena, &spec, err);
	if (ret == 0)
		ret = oci_process_check(spec.process, err);
	if (ret < 0)
		return err_ctx(err, "bundle '%s'", bundle);
	*process = *spec.process;
	return 0;
}

int exec_read_process(const struct exec_request *request, const char *bundle, struct arena *arena,
		      struct oci_process *process, struct error *err)
{
	int ret;

	if (!request->process_file && request->args.len == 0)
		return err_msg(err, -EINVAL, "process args cannot be empty");
	if (request->process_file)
		ret = read_file(request->process_file, arena, process, err);
	else
		ret = read_bundle(bundle, arena, process, err);
	if (ret == 0 && !request->process_file)
		ret = change(request, arena, process, err);
	return ret < 0 ? ret : oci_process_check(process, err);
}
