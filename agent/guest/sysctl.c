#include "agent/guest/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

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

static int write_value(int dir, const char *path, const char *value)
{
	auto_close int fd = fs_open_beneath(dir, path, O_WRONLY, 0);

	return fd < 0 ? fd : fs_write_all(fd, value, strlen(value));
}

static int write_one(int dir, const struct json_pair *pair, uid_t root, struct error *err)
{
	auto_free char *path = strdup(pair->key);
	const char *value = pair->value ? pair->value : "";
	uid_t own = geteuid();
	int ret;

	if (!path)
		return fail_set(err, -ENOMEM, "sysctl %s", pair->key);
	key_to_path(path);
	ret = write_value(dir, path, value);
	if (ret == -EACCES && root != own && seteuid(root) == 0) {
		ret = write_value(dir, path, value);
		if (seteuid(own) < 0)
			ret = -errno;
	}
	return ret < 0 ? fail_set(err, ret, "write sysctl key %s", pair->key) : 0;
}

int sysctl_apply(const struct json_map *sysctl, uid_t root, struct error *err)
{
	auto_close int dir = sysctl->len > 0 ? fs_open_dir_at(AT_FDCWD, "/proc/sys") : -1;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < sysctl->len; i++)
		ret = write_one(dir, &sysctl->items[i], root, err);
	return ret;
}
