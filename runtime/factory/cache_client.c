/* Calls of the VM cache's server. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/sock.h"
#include "runtime/factory/cache.h"
#include "runtime/factory/cache_dir.h"
#include "runtime/factory/grpc_client.h"

enum { FETCH_MS = 2000, CALL_MS = 5000, QUIT_MS = 30000, MESSAGE_MAX = 1 << 20 };

/* A socket that somebody else listens at could hand out anything. */
static int check_server(int fd, const char *endpoint, struct error *err)
{
	uid_t uid;
	pid_t pid;
	int ret = sock_peer(fd, &pid, &uid);

	if (ret < 0)
		return err_set(err, ret, "look at the server at '%s'", endpoint);
	if (uid != 0 && uid != geteuid())
		return err_msg(err, -EPERM, "the server at '%s' belongs to user %u", endpoint,
			       (unsigned)uid);
	return 0;
}

static struct grpc_client *open_client(const char *endpoint, struct error *err)
{
	auto_close int fd = sock_connect_at(AT_FDCWD, endpoint);

	if (fd < 0) {
		err_set(err, fd, "connect to '%s'", endpoint);
		return NULL;
	}
	if (check_server(fd, endpoint, err) < 0)
		return NULL;
	return grpc_client_new(take_fd(&fd), err);
}

static int call(struct grpc_client *client, const char *method, int64_t deadline_ms,
		struct strbuf *reply, struct error *err)
{
	int64_t left = deadline_ms - clock_now_ms();

	return grpc_client_call(client, method, "", 0, left > 0 ? left : 0, reply, err);
}

/* Has it what we want? */
static int compare(struct grpc_client *client, const struct machine *shape, int64_t deadline_ms,
		   struct arena *arena, struct error *err)
{
	auto_strbuf struct strbuf reply = { .max = MESSAGE_MAX };
	struct cache_vm_config config = { 0 };
	const char *ours;
	int ret = cache_shape_encode(shape, arena, &ours, err);

	if (ret == 0)
		ret = call(client, CACHE_METHOD_CONFIG, deadline_ms, &reply, err);
	if (ret == 0)
		ret = cache_vm_config_decode(strbuf_str(&reply), reply.len, arena, &config, err);
	return ret < 0 ? ret
		       : cache_shape_compare(config.data.data ? config.data.data : "",
					     config.data.len, ours, err);
}

static int get_vm(struct grpc_client *client, int64_t deadline_ms, struct arena *arena,
		  struct cache_machine *machine, struct error *err)
{
	auto_strbuf struct strbuf reply = { .max = MESSAGE_MAX };
	struct cache_vm vm = { 0 };
	int ret = call(client, CACHE_METHOD_GET_BASE_VM, deadline_ms, &reply, err);

	if (ret == 0)
		ret = cache_vm_decode(strbuf_str(&reply), reply.len, arena, &vm, err);
	if (ret < 0)
		return ret;
	return cache_machine_decode(vm.hypervisor.data ? vm.hypervisor.data : "", vm.hypervisor.len,
				    arena, machine, err);
}

int cache_fetch(const char *endpoint, const struct machine *shape, struct arena *arena,
		struct cache_machine *machine, struct error *err)
{
	int64_t deadline_ms = clock_now_ms() + FETCH_MS;
	struct grpc_client *client;
	int ret = cache_check(shape->hypervisor, err);

	if (ret < 0)
		return ret;
	client = open_client(endpoint, err);
	if (!client)
		return err->code;
	ret = compare(client, shape, deadline_ms, arena, err);
	if (ret == 0)
		ret = get_vm(client, deadline_ms, arena, machine, err);
	grpc_client_free(client);
	return ret;
}

static int call_once(const char *endpoint, const char *method, struct strbuf *reply,
		     struct error *err)
{
	struct grpc_client *client = open_client(endpoint, err);
	int ret = client ? call(client, method, clock_now_ms() + CALL_MS, reply, err) : err->code;

	grpc_client_free(client);
	return ret;
}

int cache_get_status(const char *endpoint, struct arena *arena, struct cache_status *status,
		     struct error *err)
{
	auto_strbuf struct strbuf reply = { .max = MESSAGE_MAX };
	int ret = call_once(endpoint, CACHE_METHOD_STATUS, &reply, err);

	return ret < 0 ? ret
		       : cache_status_decode(strbuf_str(&reply), reply.len, arena, status, err);
}

/* The server removes the directory last, and the lock goes with its process. */
static int sweep(const char *endpoint, struct error *err)
{
	auto_arena struct arena arena = { 0 };
	const char *path = cache_dir_path(endpoint, &arena);
	auto_close int dir_fd = -1;
	int ret;

	if (!path)
		return err_set(err, -ENOMEM, "open the VM cache");
	if (fs_exists_at(AT_FDCWD, path) == 0)
		return 0;
	dir_fd = cache_dir_open(path, false, err);
	if (dir_fd < 0)
		return dir_fd == -ENOENT ? 0 : dir_fd;
	ret = cache_dir_lock(dir_fd, QUIT_MS);
	if (ret < 0)
		return err_set(err, ret, "wait for the end of the VM cache server");
	cache_dir_sweep(dir_fd);
	(void)rmdir(path);
	return 0;
}

int cache_quit(const char *endpoint, struct error *err)
{
	auto_strbuf struct strbuf reply = { .max = MESSAGE_MAX };
	int ret = call_once(endpoint, CACHE_METHOD_QUIT, &reply, err);

	if (ret < 0 && ret != -ENOENT && ret != -ECONNREFUSED)
		return ret;
	return sweep(endpoint, err);
}
