#include "agent/proto/tree_read.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int fill(struct tree_reader *reader)
{
	ssize_t n;

	do
		n = read(reader->fd, reader->in, TREE_READ_LEN);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : -EBADMSG;
	reader->at = 0;
	reader->end = (size_t)n;
	return 0;
}

int tree_read(struct tree_reader *reader, void *data, size_t len)
{
	uint8_t *to = data;

	if (len > reader->bytes_left)
		return -EFBIG;
	reader->bytes_left -= len;
	while (len > 0) {
		size_t n;
		int ret = reader->at == reader->end ? fill(reader) : 0;

		if (ret < 0)
			return ret;
		n = reader->end - reader->at < len ? reader->end - reader->at : len;
		memcpy(to, reader->in + reader->at, n);
		reader->at += n;
		to += n;
		len -= n;
	}
	return 0;
}

int tree_read_magic(struct tree_reader *reader)
{
	char magic[TREE_MAGIC_LEN];
	int ret = tree_read(reader, magic, sizeof(magic));

	return ret == 0 && memcmp(magic, TREE_MAGIC, sizeof(magic)) != 0 ? -EBADMSG : ret;
}

int tree_read_entry(struct tree_reader *reader, struct tree_entry *entry)
{
	uint8_t head[TREE_HEAD_LEN];
	int ret = tree_read(reader, head, sizeof(head));

	if (ret == 0)
		ret = tree_decode_head(head, entry);
	if (ret < 0)
		return ret;
	if (++reader->entries > TREE_ENTRIES_MAX)
		return -EFBIG;
	ret = tree_read(reader, entry->name, entry->name_len);
	entry->name[entry->name_len] = '\0';
	if (ret == 0 && entry->name_len > 0 && !tree_name_is_valid(entry->name, entry->name_len))
		ret = -EBADMSG;
	return ret == 0 ? tree_read(reader, reader->xattrs, entry->xattrs_len) : ret;
}

int tree_read_skip(struct tree_reader *reader, uint64_t len)
{
	uint8_t chunk[4096];
	int ret = 0;

	while (ret == 0 && len > 0) {
		size_t n = len < sizeof(chunk) ? (size_t)len : sizeof(chunk);

		ret = tree_read(reader, chunk, n);
		len -= n;
	}
	return ret;
}
