#include "agent/guest/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "agent/guest/fail.h"
#include "base/cleanup.h"
#include "base/fs.h"

/* "net.ipv4.ip_forward" is the file net/ipv4/ip_forward; a key written with slashes is taken as it
 * is. */
static void key_to_path(char *key)
{
	if (strchr(key, '/'))
		return;
	for (char *c = key; *c; c++)
		if (*c == '.')
			*c = '/';
}

static int write_one(int dir, const char *key, const char *value, struct error *err)
{
	auto_free char *path = strdup(key);
	auto_close int fd = -1;
	int ret;

	if (!path)
		return fail_set(err, -ENOMEM, "sysctl %s", key);
	key_to_path(path);
	fd = fs_open_beneath(dir, path, O_WRONLY, 0);
	ret = fd < 0 ? fd : fs_write_all(fd, value, strlen(value));
	return ret < 0 ? fail_set(err, ret, "write sysctl key %s", key) : 0;
}

int sysctl_apply(const struct json_map *sysctl, struct error *err)
{
	auto_close int dir = sysctl->len > 0 ? fs_open_dir_at(AT_FDCWD, "/proc/sys") : -1;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < sysctl->len; i++)
		ret = write_one(dir, sysctl->items[i].key,
				sysctl->items[i].value ? sysctl->items[i].value : "", err);
	return ret;
}
