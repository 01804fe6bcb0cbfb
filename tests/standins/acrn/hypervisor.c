#include "tests/standins/acrn/hypervisor.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"

enum { TRIES = 10, PAUSE_NS = 500000000 };

#define DEFAULT_UUID "d2795438-25d6-11e8-864e-cb7a18b34643"

/* A file that is locked as long as its VM lives. The descriptor is never closed: the kernel does.
 */
static int take(const char *dir, const char *kind, const char *name)
{
	char path[1024];
	auto_close int fd = -1;

	if (snprintf(path, sizeof(path), "%s/%s.%s", dir, kind, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EEXIST : -errno;
	return take_fd(&fd);
}

static bool knows_uuid(const struct settings *set, const char *uuid)
{
	const char *list = set->uuids;
	size_t len = strlen(uuid);

	if (!strcmp(list, "any"))
		return true;
	while (*list) {
		size_t n = strcspn(list, " ");

		if (n == len && !strncasecmp(list, uuid, len))
			return true;
		list += n + (list[n] == ' ');
	}
	return false;
}

static int take_slot(const struct settings *set, const char *dir)
{
	char number[16];
	int ret = -EEXIST;

	for (uint32_t i = 0; ret == -EEXIST && i < set->max_vms; i++) {
		(void)snprintf(number, sizeof(number), "%u", i);
		ret = take(dir, "slot", number);
	}
	return ret == -EEXIST ? -ENOSPC : ret;
}

static int try_once(const struct settings *set, const struct dm_config *cfg, const char *dir)
{
	char identity[128];
	size_t len;
	int slot = 0;
	int ret;

	if (cfg->profile->has_uuid) {
		const char *uuid = cfg->uuid ? cfg->uuid : DEFAULT_UUID;

		if (!knows_uuid(set, uuid))
			return -ENODEV;
		len = strnlen(uuid, sizeof(identity) - 1);
		for (size_t i = 0; i < len; i++)
			identity[i] = (char)tolower((unsigned char)uuid[i]);
	} else {
		len = strnlen(cfg->vmname, sizeof(identity) - 1);
		memcpy(identity, cfg->vmname, len);
	}
	identity[len] = '\0';
	if (set->max_vms)
		slot = take_slot(set, dir);
	if (slot < 0)
		return slot;
	ret = take(dir, "vm", identity);
	if (ret < 0 && set->max_vms)
		(void)close(slot);
	return ret < 0 ? ret : 0;
}

int hypervisor_create_vm(const struct settings *set, const struct dm_config *cfg)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	char dir[512];
	int ret;

	if (strchr(cfg->vmname, '/'))
		return -EINVAL;
	if (snprintf(dir, sizeof(dir), "%s/standin", set->run_dir) >= (int)sizeof(dir))
		return -ENAMETOOLONG;
	ret = fs_mkdir_all(dir, 0755);
	if (ret < 0)
		return ret;
	for (unsigned i = 0; i < TRIES; i++) {
		ret = try_once(set, cfg, dir);
		if (ret == 0)
			return 0;
		(void)nanosleep(&pause, NULL);
	}
	return ret;
}
