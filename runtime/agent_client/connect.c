#include "runtime/agent_client/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/sock.h"

enum { TRY_AGAIN_MS = 100, TELL_AGAIN_MS = 1000 };

const char *connect_parse_url(const char *url, struct error *err)
{
	const char *colon = url ? strstr(url, "://") : NULL;

	if (!colon || colon == url)
		(void)err_msg(err, -EINVAL, "URL scheme cannot be empty");
	else if (!colon[3])
		(void)err_msg(err, -EINVAL, "URL host and path cannot be empty");
	else if (strncmp(url, "unix://", 7) != 0)
		(void)err_msg(err, -EINVAL, "the proxy's URL '%s' is not of the form unix:///PATH",
			      url);
	else
		return colon + 3;
	return NULL;
}

static bool may_come(int code)
{
	return code == -ENOENT || code == -ECONNREFUSED || code == -EAGAIN;
}

/* There is no event for a socket that another process is going to bind. */
static int pause_before_next(int interrupt_fd, struct error *err)
{
	int ret = sock_wait_readable(interrupt_fd, TRY_AGAIN_MS);

	return ret > 0 ? err_msg(err, -EINTR, "interrupted by a signal") : ret;
}

static int try_until(struct client *client, const char *path, int64_t begun, int timeout_ms,
		     struct error *err)
{
	int interrupt_fd = client->interrupt_fd;
	int64_t told = begun;
	int ret;

	for (unsigned attempt = 1;; attempt++) {
		int64_t now, left;

		ret = client_open(client, AT_FDCWD, path, err);
		client->interrupt_fd = interrupt_fd;
		if (ret == 0 && attempt > 1)
			log_info("Connected to proxy: attempt=%u", attempt);
		if (ret == 0 || !may_come(ret))
			return ret;
		now = clock_now_ms();
		left = begun + timeout_ms - now;
		if (left <= 0)
			return ret;
		if (now - told >= TELL_AGAIN_MS) {
			log_warning("Retrying proxy connection: attempt=%u proxy-network=unix "
				    "proxy-address=%s remaining-time-secs=%.2f: %s",
				    attempt + 1, path, (double)left / 1000, err->text);
			told = now;
		}
		ret = pause_before_next(interrupt_fd, err);
		if (ret < 0)
			return ret;
	}
}

int connect_url(struct client *client, const char *url, int timeout_ms, struct error *err)
{
	const char *path = connect_parse_url(url, err);
	struct error cause = { 0 };
	int ret;

	client->fd = -1;
	if (!path)
		return -EINVAL;
	ret = try_until(client, path, clock_now_ms(), timeout_ms, &cause);
	if (ret < 0 && may_come(ret))
		return err_msg(err, ret, "failed to connect to proxy after %ds: %s",
			       timeout_ms / 1000, cause.text);
	if (ret < 0 && err)
		*err = cause;
	return ret;
}
