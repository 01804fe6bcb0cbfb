#include "runtime/factory/warm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/fs.h"
#include "runtime/factory/guest_link.h"

#define WARM_DIR "warm"

enum { STDIO_STREAM = 1, STDERR_STREAM = 2 };

/* As callers write them: what is touched here will be touched again. */
static const char spec_text[] =
	"{\"ociVersion\":\"1.0.2\",\"process\":{\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"/true\",\"-v\"],\"cwd\":\"/\","
	"\"env\":[\"PATH=/bin:/usr/bin\",\"HOME=/\"],\"capabilities\":{\"bounding\":[\"CAP_KILL\"],\"effective\":[\"CAP_KILL\"],"
	"\"permitted\":[\"CAP_KILL\"]},\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":1024,\"soft\":1024}],"
	"\"noNewPrivileges\":true},\"root\":{\"path\":\"rootfs\"},\"hostname\":\"warm\",\"mounts\":["
	"{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\",\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"
	"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"nosuid\",\"strictatime\",\"mode=755\",\"size=65536k\"]},"
	"{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\",\"options\":[\"nosuid\",\"noexec\",\"newinstance\","
	"\"ptmxmode=0666\",\"mode=0620\",\"gid=5\"]},"
	"{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\",\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\"]},"
	"{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\",\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"
	"{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\",\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]}],"
	"\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"mount\"}],"
	"\"maskedPaths\":[\"/proc/kcore\"],\"readonlyPaths\":[\"/proc/sys\"]}}";

static int copy_program(int dir_fd, const char *program, struct error *err)
{
	auto_close int in = open(program, O_RDONLY | O_CLOEXEC);
	auto_close int out = openat(dir_fd, "true", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	struct stat st;
	ssize_t n = 1;

	if (in < 0 || out < 0 || fstat(in, &st) < 0)
		return err_set(err, -errno, "copy '%s'", program);
	while (n > 0)
		n = sendfile(out, in, NULL, (size_t)st.st_size);
	return n < 0 ? err_set(err, -errno, "copy '%s'", program) : 0;
}

/* A root file system in the machine's share with nothing but the program. */
static int make_root(int share_fd, const char *program, struct error *err)
{
	auto_close int root_fd = -1;

	if (mkdirat(share_fd, WARM_DIR, 0755) < 0)
		return err_set(err, -errno, "make '%s' in the machine's share", WARM_DIR);
	root_fd = fs_mkdir_open_at(share_fd, WARM_DIR "/rootfs", 0755);
	if (root_fd < 0)
		return err_set(err, root_fd, "make '%s/rootfs' in the machine's share", WARM_DIR);
	return copy_program(root_fd, program, err);
}

static int run_container(struct guest_link *link, struct arena *arena, struct error *err)
{
	struct call_createcontainer create = {
		.id = WARM_DIR,
		.rootfs = WARM_DIR "/rootfs",
		.process = { .id = "init", .stdio = STDIO_STREAM, .stderr_stream = STDERR_STREAM },
	};
	const struct call_container container = { .container = WARM_DIR };
	int code = 0;
	int ret = json_decode(&oci_spec_type, spec_text, strlen(spec_text), NULL, arena,
			      &create.spec, err);

	if (ret == 0)
		ret = guest_link_call(link, CALL_CREATECONTAINER, &call_createcontainer_type,
				      &create, err);
	if (ret == 0)
		ret = guest_link_call(link, CALL_STARTCONTAINER, &call_container_type, &container,
				      err);
	if (ret == 0)
		ret = guest_link_wait_exit(link, STDIO_STREAM, &code, err);
	return ret < 0 ? ret
		       : guest_link_call(link, CALL_REMOVECONTAINER, &call_container_type,
					 &container, err);
}

static int live_once(struct guest_link *link, const struct machine *machine, int64_t deadline_ms,
		     struct error *err)
{
	const struct call_hello hello = { .version = 1 };
	const struct call_startpod pod = { .hostname = WARM_DIR,
					   .share_dir = MACHINE_SHARE_TAG,
					   .msize = machine->config->msize_9p };
	auto_arena struct arena arena = { 0 };
	int ret = guest_link_open(link, machine, deadline_ms, err);

	if (ret == 0)
		ret = guest_link_call(link, CALL_HELLO, &call_hello_type, &hello, err);
	if (ret == 0)
		ret = guest_link_call(link, CALL_STARTPOD, &call_startpod_type, &pod, err);
	if (ret == 0)
		ret = run_container(link, &arena, err);
	return ret < 0 ? ret : guest_link_call(link, CALL_DESTROYPOD, NULL, NULL, err);
}

int warm_up(const struct machine *machine, const char *program, int64_t deadline_ms,
	    struct error *err)
{
	auto_close int share_fd = fs_open_dir_at(machine->dir_fd, MACHINE_SHARE);
	struct guest_link link = GUEST_LINK_INIT;
	int ret = share_fd < 0 ? err_set(err, share_fd, "open the machine's share")
			       : make_root(share_fd, program, err);

	if (ret == 0)
		ret = live_once(&link, machine, deadline_ms, err);
	if (ret == 0)
		guest_link_leave(&link);
	guest_link_done(&link);
	if (share_fd >= 0)
		(void)!fs_remove_tree_at(share_fd, WARM_DIR);
	return ret < 0 ? err_ctx(err, "warm the machine up") : 0;
}
