#include "cmd/acrun-proxy/proxy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/log.h"
#include "base/sock.h"
#include "cmd/acrun-proxy/clients.h"
#include "cmd/acrun-proxy/resume.h"
#include "cmd/acrun-proxy/sessions.h"
#include "cmd/acrun-proxy/vm.h"

enum { ACCEPT_AGAIN_MS = 100 };

void proxy_init(struct proxy *proxy, struct loop *loop, const char *url)
{
	*proxy = (struct proxy){
		.loop = loop,
		.url = url,
		.waits = { .shim_ms = 30000,
			   .call_ms = 60000,
			   .linger_ms = 10000,
			   .rejoin_ms = 15000,
			   .resend_ms = LINK_RESEND_MS },
		.listen_fd = -1,
		.next_stream = 3,
		.journal = { .fd = -1 },
	};
}

static void stop_listening(struct proxy *proxy)
{
	if (proxy->listen_fd >= 0)
		loop_remove_fd(proxy->loop, proxy->listen_fd);
	cleanup_close(&proxy->listen_fd);
}

static void listen_again(void *arg)
{
	struct proxy *proxy = arg;

	if (proxy->listen_fd >= 0 && loop_set_events(proxy->loop, proxy->listen_fd, EPOLLIN) < 0)
		stop_listening(proxy);
}

static void add_client(struct proxy *proxy, int fd)
{
	pid_t pid;
	uid_t uid;

	if (sock_peer(fd, &pid, &uid) < 0) {
		log_error("a connection whose peer is not known was closed");
		(void)close(fd);
		return;
	}
	if (uid != geteuid() && uid != 0) {
		log_error("process %lld: user %u may not connect; the connection was closed",
			  (long long)pid, (unsigned)uid);
		(void)close(fd);
		return;
	}
	if (!client_add(proxy, fd))
		log_warning("a connection was refused: no memory");
}

static void on_connection(void *arg, int listen_fd, uint32_t events)
{
	struct proxy *proxy = arg;
	int fd = sock_accept(listen_fd, true);

	(void)events;
	if (fd >= 0) {
		add_client(proxy, fd);
	} else if (fd != -EAGAIN && fd != -ECONNABORTED) {
		/* Out of descriptors or the like: the connection stays in the backlog meanwhile. */
		log_warning("cannot accept connections for the moment: %s", strerror(-fd));
		if (loop_add_timer(proxy->loop, ACCEPT_AGAIN_MS, listen_again, proxy) > 0)
			(void)!loop_set_events(proxy->loop, listen_fd, 0);
	}
	proxy_settle(proxy);
}

int proxy_listen(struct proxy *proxy, int fd, struct error *err)
{
	int ret = sock_set_nonblock(fd, true);

	if (ret == 0)
		ret = loop_add_fd(proxy->loop, fd, EPOLLIN, on_connection, proxy);
	if (ret < 0)
		return err_set(err, ret, "listen for connections");
	proxy->listen_fd = fd;
	return 0;
}

void proxy_unregister(struct proxy *proxy)
{
	proxy->unregistered = true;
	stop_listening(proxy);
}

static void end(struct proxy *proxy)
{
	if (!proxy->ended)
		loop_stop(proxy->loop, 0);
	proxy->ended = true;
}

static void on_lingered(void *arg)
{
	end(arg);
}

/* Somebody will still ask how a process of the last proxy ended. */
static bool has_adrift(const struct proxy *proxy)
{
	for (const struct session *session = proxy->sessions; session; session = session->next)
		if (session->adrift)
			return true;
	return false;
}

/* Without its VM the proxy only stays to tell the tale. */
static void consider_end(struct proxy *proxy)
{
	if (!proxy->vm || proxy->vm->state != VM_LOST)
		return;
	if (!proxy->clients && !has_adrift(proxy)) {
		end(proxy);
	} else if (!proxy->lingering) {
		proxy->lingering = true;
		if (loop_add_timer(proxy->loop, proxy->waits.linger_ms, on_lingered, proxy) < 0)
			end(proxy);
	}
}

static void reap(struct proxy *proxy)
{
	struct client **client = &proxy->clients;
	struct session **session = &proxy->sessions;

	while (*client) {
		struct client *dead = *client;

		if (!dead->dead) {
			client = &dead->next;
			continue;
		}
		*client = dead->next;
		client_free(dead);
	}
	while (*session) {
		struct session *dead = *session;

		/* While a start is under way its answer still points here. */
		if (!dead->dead || dead->start) {
			session = &dead->next;
			continue;
		}
		*session = dead->next;
		session_free(dead);
	}
}

static void on_shims_missing(void *arg)
{
	struct proxy *proxy = arg;

	resume_end_missing(proxy);
	proxy_settle(proxy);
}

int proxy_restore(struct proxy *proxy, struct error *err)
{
	auto_arena struct arena arena = { 0 };
	struct journal_vm vm;
	int ret = journal_load(proxy, &arena, &vm, err);

	if (ret < 0)
		return ret;
	proxy->sandbox = strdup(vm.sandbox);
	if (!proxy->sandbox)
		return err_set(err, -ENOMEM, "take '%s' over", vm.sandbox);
	ret = loop_add_timer(proxy->loop, proxy->waits.rejoin_ms, on_shims_missing, proxy);
	if (ret < 0)
		return err_set(err, ret, "wait for shims");
	proxy->vm = vm_take_over(proxy, &vm, err);
	if (!proxy->vm)
		return err->code;
	proxy_settle(proxy);
	return 0;
}

void proxy_settle(struct proxy *proxy)
{
	bool progress;

	do {
		progress = false;
		sessions_pump(proxy);
		if (proxy->vm)
			vm_update(proxy->vm);
		for (struct client *client = proxy->clients; client; client = client->next)
			progress |= client_resume(client);
	} while (progress);
	reap(proxy);
	consider_end(proxy);
}

void proxy_done(struct proxy *proxy)
{
	stop_listening(proxy);
	if (proxy->vm)
		vm_lose(proxy->vm, "the proxy ends");
	for (struct client *client = proxy->clients; client; client = client->next)
		client_close(client);
	for (struct session *session = proxy->sessions; session; session = session->next)
		session->dead = true;
	reap(proxy);
	vm_free(proxy->vm);
	free(proxy->sandbox);
	journal_done(&proxy->journal);
	*proxy = (struct proxy){ .listen_fd = -1 };
}
