#include "runtime/sandbox/pod.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/name.h"
#include "base/parse.h"
#include "oci/pod.h"

/* In the sandbox's directory: an empty directory for each other container. */
#define POD_DIR "pod"

enum { CMDLINE_MAX = 1 << 16 };

/* The value of option -c of a shim's command line, which ends with a zero byte. */
static const char *find_container(const struct strbuf *cmdline)
{
	const char *end = cmdline->data + cmdline->len;

	for (const char *arg = cmdline->data; arg < end; arg += strlen(arg) + 1)
		if (!strcmp(arg, "-c"))
			return arg + 3 < end ? arg + 3 : NULL;
	return NULL;
}

const char *pod_find_by_pid(const char *root, int64_t pid, struct arena *arena)
{
	auto_strbuf struct strbuf cmdline = { 0 };
	auto_record struct record rec = RECORD_INIT;
	char path[48];
	const char *id;

	(void)snprintf(path, sizeof(path), "/proc/%lld/cmdline", (long long)pid);
	if (fs_read_file_at(AT_FDCWD, path, &cmdline, CMDLINE_MAX) < 0 || cmdline.len == 0)
		return NULL;
	/* What any process says of itself is a hint; the state knows. */
	id = find_container(&cmdline);
	if (!id || !name_is_valid(id) || record_peek(&rec, root, id, NULL) < 0 ||
	    rec.state.shim.pid != pid || !proc_is_alive(&rec.state.shim))
		return NULL;
	return arena_strdup(arena, id);
}

const char *pod_find_by_path(const char *root, const char *path, const char *type,
			     struct arena *arena)
{
	static const char proc[] = "/proc/";
	char pid_text[24], rest[32];
	size_t digits;
	int64_t pid;

	if (!path || strncmp(path, proc, sizeof(proc) - 1) != 0)
		return NULL;
	path += sizeof(proc) - 1;
	digits = strspn(path, "0123456789");
	(void)snprintf(rest, sizeof(rest), "/ns/%s", strcmp(type, "network") ? type : "net");
	if (digits == 0 || digits >= sizeof(pid_text) || strcmp(path + digits, rest) != 0)
		return NULL;
	(void)snprintf(pid_text, sizeof(pid_text), "%.*s", (int)digits, path);
	return parse_i64(pid_text, &pid) < 0 ? NULL : pod_find_by_pid(root, pid, arena);
}

/* Whose machine the container `id` is in; NULL when there is no such container. */
static const char *machine_of(const char *root, const char *id, struct arena *arena)
{
	auto_record struct record rec = RECORD_INIT;

	if (!id || !name_is_valid(id) || record_peek(&rec, root, id, NULL) < 0)
		return NULL;
	return arena_strdup(arena, rec.state.sandbox_id);
}

/* The one sandbox whose annotations give its pod this name. */
static const char *find_by_name(const char *root, const char *name, struct arena *arena,
				struct error *err)
{
	const char *found = NULL;
	struct json_strs ids;

	if (store_list(root, arena, &ids, NULL) < 0)
		return NULL; /* there are none */
	for (size_t i = 0; i < ids.len; i++) {
		auto_record struct record rec = RECORD_INIT;

		if (record_peek(&rec, root, ids.items[i], NULL) < 0 ||
		    record_is_member(&rec.state) || !oci_pod_is_named(&rec.state.annotations, name))
			continue;
		if (found) {
			err_msg(err, -EINVAL, "'%s' and '%s' are both sandboxes named '%s'", found,
				ids.items[i], name);
			return NULL;
		}
		found = ids.items[i];
	}
	return found;
}

/* The machine that has the network of the namespace `path`: a second one would take it away.
 * Clients may bind the namespace to a file of their own. */
static const char *find_by_netns(const char *root, const char *path, struct arena *arena)
{
	struct json_strs ids;
	struct stat st;

	if (!path || !*path || stat(path, &st) < 0 || store_list(root, arena, &ids, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < ids.len; i++) {
		auto_record struct record rec = RECORD_INIT;
		const struct net_state *network;

		if (record_peek(&rec, root, ids.items[i], NULL) < 0)
			continue;
		network = rec.state.network;
		if (network && network->device == st.st_dev && network->inode == st.st_ino &&
		    proc_is_alive(&rec.state.vmm))
			return ids.items[i];
	}
	return NULL;
}

/* Does it join namespaces of others, beside the network that clients make? */
static bool shares_namespaces(const struct oci_spec *spec)
{
	const struct oci_namespace *rows = spec->linux_ ? spec->linux_->namespaces.items : NULL;
	size_t n = spec->linux_ ? spec->linux_->namespaces.len : 0;

	for (size_t i = 0; i < n; i++)
		if (rows[i].path && *rows[i].path && strcmp(rows[i].type, "network") != 0)
			return true;
	return false;
}

/* podman names a sandbox that is none for the members of a pod that share nothing. */
static int no_sandbox(const struct oci_pod *pod, const struct oci_spec *spec, struct error *err)
{
	if (!shares_namespaces(spec) && !strcmp(pod->sandbox_key, "io.kubernetes.cri-o.SandboxID"))
		return 0;
	err_msg(err, -ENOENT, "annotation %s: there is no sandbox '%s' for this container to join",
		pod->sandbox_key, pod->sandbox);
	return err_hint(
		err, "create the sandbox first, with this runtime (CRI-O: drop_infra_ctr = false)");
}

int pod_find_sandbox(const char *root, const char *id, const struct oci_spec *spec,
		     struct arena *arena, const char **sandbox, struct error *err)
{
	struct error why = { 0 };
	struct oci_pod pod;
	int ret = oci_pod_read(&spec->annotations, &pod, err);

	*sandbox = NULL;
	if (ret < 0 || pod.role == OCI_POD_SANDBOX)
		return ret;
	if (pod.role == OCI_POD_CONTAINER) {
		if (!strcmp(pod.sandbox, id))
			return 0;
		*sandbox = machine_of(root, pod.sandbox, arena);
		if (!*sandbox)
			*sandbox = find_by_name(root, pod.sandbox, arena, &why);
	}
	if (!*sandbox)
		*sandbox = find_by_netns(root, oci_spec_namespace(spec, "network"), arena);
	if (*sandbox || pod.role == OCI_POD_NONE)
		return 0;
	if (why.code < 0)
		return err_msg(err, why.code, "annotation %s: %s", pod.sandbox_key, why.text);
	return no_sandbox(&pod, spec, err);
}

int pod_add(const struct record *rec, struct error *err)
{
	const char *id = rec->state.id;
	auto_close int pod_fd = -1;

	if (mkdirat(rec->sandbox_fd, POD_DIR, 0700) < 0 && errno != EEXIST)
		return err_set(err, -errno, "make '%s/" POD_DIR "'", record_sandbox_path(rec));
	pod_fd = fs_open_dir_at(rec->sandbox_fd, POD_DIR);
	if (pod_fd < 0 || (mkdirat(pod_fd, id, 0700) < 0 && errno != EEXIST))
		return err_set(err, pod_fd < 0 ? pod_fd : -errno, "make '%s/" POD_DIR "/%s'",
			       record_sandbox_path(rec), id);
	return 0;
}

void pod_remove(const struct record *rec)
{
	auto_close int pod_fd = fs_open_dir_at(rec->sandbox_fd, POD_DIR);

	if (pod_fd >= 0)
		(void)unlinkat(pod_fd, rec->state.id, AT_REMOVEDIR);
}

/* An entry whose container is gone, or is another's now, says nothing. */
static bool is_in(const struct record *sandbox, const char *root, const char *id)
{
	auto_record struct record rec = RECORD_INIT;

	return record_peek(&rec, root, id, NULL) == 0 && record_is_member(&rec.state) &&
	       !strcmp(rec.state.sandbox_id, sandbox->state.id);
}

int pod_list(const struct record *sandbox, const char *root, struct arena *arena,
	     struct json_strs *ids, struct error *err)
{
	const char *path = arena_printf(arena, "%s/" POD_DIR, sandbox->dir_path);
	struct error why = { 0 };
	size_t n = 0;
	int ret = path ? store_list(path, arena, ids, &why)
		       : err_set(err, -ENOMEM, "containers of '%s'", sandbox->state.id);

	*ids = ret < 0 ? (struct json_strs){ 0 } : *ids;
	if (!path || ret == -ENOENT)
		return path ? 0 : ret;
	if (ret < 0)
		return err_msg(err, ret, "%s", why.text);
	for (size_t i = 0; i < ids->len; i++)
		if (is_in(sandbox, root, ids->items[i]))
			ids->items[n++] = ids->items[i];
	ids->len = n;
	return 0;
}

int pod_find_running(const struct record *sandbox, const char *root, struct arena *arena,
		     const char **id, enum oci_status *status, struct error *err)
{
	struct json_strs ids;
	int ret = pod_list(sandbox, root, arena, &ids, err);

	*id = NULL;
	for (size_t i = 0; ret == 0 && i < ids.len && !*id; i++) {
		auto_record struct record member = RECORD_INIT;

		if (record_peek(&member, root, ids.items[i], NULL) < 0)
			continue;
		*status = record_status(&member.state);
		if (*status != OCI_STATUS_STOPPED)
			*id = ids.items[i];
	}
	return ret;
}
