#include "runtime/agent_client/files.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/proto/calls_control.h"
#include "base/base64.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "runtime/agent_client/agent.h"

/* A call at a time, so that others of the proxy's clients have their turn. */
enum { PIECE = 1 << 20 };

static int read_piece(int fd, char *piece, size_t len, uint64_t offset)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = pread(fd, piece + got, len - got, (off_t)(offset + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		got += (size_t)n;
	}
	return 0;
}

int files_put(struct client *client, const char *name, int fd, uint64_t size,
	      const struct client_wait *wait, struct error *err)
{
	auto_free char *piece = malloc(PIECE);
	auto_free char *text = malloc(BASE64_LEN(PIECE));
	struct call_copyfile call = { .path = name, .data = text, .size = size, .mode = 0600 };
	int ret = piece && text ? 0 : -ENOMEM;

	if (ret < 0)
		return err_set(err, ret, "copy '%s' to the guest", name);
	do {
		size_t len = size - call.offset < PIECE ? (size_t)(size - call.offset) : PIECE;

		ret = read_piece(fd, piece, len, call.offset);
		if (ret < 0)
			return err_set(err, ret, "copy '%s' to the guest", name);
		base64_encode(piece, len, text);
		ret = agent_call(client, CALL_COPYFILE, NULL, &call_copyfile_type, &call, wait,
				 err);
		call.offset += len;
	} while (ret == 0 && call.offset < size);
	return ret;
}

int files_get(struct client *client, const char *name, uint64_t size, int out_fd,
	      const struct client_wait *wait, struct error *err)
{
	struct call_file call = { .file = name };
	const struct agent_request request = { .code = CALL_READFILE,
					       .type = &call_file_type,
					       .body = &call };
	int ret = 0;

	while (ret == 0 && call.offset < size) {
		auto_strbuf struct strbuf piece = { 0 };

		call.length = size - call.offset < PIECE ? size - call.offset : PIECE;
		ret = agent_ask(client, &request, wait, &piece, err);
		if (ret < 0)
			return ret;
		if (piece.len == 0 || piece.len > call.length)
			return err_msg(err, -EREMOTEIO,
				       "the guest gave %zu bytes of '%s' where %llu were wanted",
				       piece.len, name, (unsigned long long)call.length);
		ret = fs_write_all(out_fd, piece.data, piece.len);
		if (ret < 0)
			return err_set(err, ret, "copy '%s' from the guest", name);
		call.offset += piece.len;
	}
	return ret;
}
