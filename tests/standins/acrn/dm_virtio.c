#include "tests/standins/acrn/dm_parse_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/standins/acrn/dm_number.h"

enum { SECTOR = 512 };

/* ---- disks ---- */

static bool is_number_pair(const char *text, uint64_t *a, uint64_t *b, bool second_needed)
{
	const char *end;

	*b = 0;
	if (dm_number(text, 10, a, &end) < 0)
		return false;
	if (!*end)
		return !second_needed;
	return *end == '/' && dm_number(end + 1, 10, b, &end) == 0 && !*end;
}

static bool is_power_of_two(uint64_t n)
{
	return n && (n & (n - 1)) == 0;
}

static bool sector_size_ok(const char *text)
{
	uint64_t logical;
	uint64_t physical;

	if (!is_number_pair(text, &logical, &physical, false))
		return false;
	physical = physical ? physical : logical;
	return logical >= SECTOR && is_power_of_two(logical) && is_power_of_two(physical) &&
	       logical <= physical;
}

static bool blk_option(struct dm_config *cfg, const char *opt, bool iothread, struct dm_blk *blk)
{
	uint64_t start;
	uint64_t count;

	if (!strcmp(opt, "writeback"))
		blk->writeback = true;
	else if (!strcmp(opt, "writethru"))
		blk->writeback = false;
	else if (!strcmp(opt, "ro"))
		blk->readonly = true;
	else if (!strcmp(opt, "nocache"))
		blk->nocache = true;
	else if (!strncmp(opt, "sectorsize=", 11))
		return sector_size_ok(opt + 11);
	else if (!strncmp(opt, "range=", 6))
		return is_number_pair(opt + 6, &start, &count, true);
	else if (!strncmp(opt, "aio=", 4))
		return dm_release_in(cfg, DM_RELEASE(3, 3, 0), 0) &&
		       (!strcmp(opt + 4, "threads") || (!strcmp(opt + 4, "io_uring") && iothread));
	else
		return !strcmp(opt, "discard") || !strncmp(opt, "discard=", 8) ||
		       !strcmp(opt, "no_bst_block");
	return true;
}

/* The words in front of the path. */
static const char *skip_leading(struct dm_config *cfg, const char *text, bool *iothread)
{
	for (;;) {
		size_t len = strcspn(text, ",");

		if (dm_release_in(cfg, DM_RELEASE(3, 1, 0), 0) &&
		    (!strncmp(text, "iothread,", 9) || !strncmp(text, "iothread=", 9)))
			*iothread = true;
		else if (!dm_release_in(cfg, DM_RELEASE(3, 3, 0), 0) ||
			 strncmp(text, "mq=", 3) != 0)
			return text;
		if (!text[len])
			return "";
		text += len + 1;
	}
}

static int check_disk(struct dm_config *cfg, struct dm_blk *blk)
{
	auto_close int fd = -1;
	struct stat st;

	if (cfg->no_files)
		return DM_GO_ON;
	fd = open(blk->path, (blk->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (fd < 0 && !blk->readonly) {
		fd = open(blk->path, O_RDONLY | O_CLOEXEC);
		blk->readonly = fd >= 0;
		if (fd >= 0)
			dm_fault(cfg, "blk: '%s' cannot be written, it becomes read-only",
				 blk->path);
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return dm_fail("Could not open backing file: %s: %s", blk->path, strerror(errno));
	if (S_ISREG(st.st_mode) && (st.st_size == 0 || st.st_size % SECTOR))
		return dm_fail("%s: size %lld is no multiple of %d", blk->path,
			       (long long)st.st_size, SECTOR);
	blk->directory = S_ISDIR(st.st_mode);
	if (blk->directory)
		dm_fault(cfg, "blk: '%s' is a directory", blk->path);
	return DM_GO_ON;
}

int dm_parse_blk(struct dm_config *cfg, const char *text, bool rescan, struct dm_blk *blk)
{
	bool iothread = false;
	const char *rest = text;

	*blk = (struct dm_blk){ 0 };
	if (strstr(text, "nodisk")) {
		blk->nodisk = true;
		if (strncmp(text, "nodisk", 6) != 0 || (text[6] && text[6] != ','))
			dm_fault(cfg, "blk: '%s' has nodisk in it and becomes a placeholder", text);
		return DM_GO_ON;
	}
	if (!rescan)
		rest = skip_leading(cfg, text, &iothread);
	if (!*rest)
		return dm_fail("virtio_blk: backing device required");
	blk->path = dm_token(&rest, ",");
	while (rest) {
		auto_free char *opt = dm_token(&rest, ",");

		if (!blk_option(cfg, opt, iothread, blk))
			return dm_fail("Invalid device option \"%s\"", opt);
	}
	return check_disk(cfg, blk);
}

/* ---- network ---- */

static bool parse_mac(const char *text, uint8_t mac[static 6])
{
	static const uint8_t zero[6];
	struct ether_addr addr;

	if (!ether_aton_r(text, &addr) || (addr.ether_addr_octet[0] & 1) ||
	    !memcmp(addr.ether_addr_octet, zero, sizeof(zero)))
		return false;
	memcpy(mac, addr.ether_addr_octet, sizeof(addr.ether_addr_octet));
	return true;
}

/* Whether a tap of this name is opened, and under which name. */
static bool opens_tap(const struct dm_config *cfg, const char *token, const char **name)
{
	*name = token;
	switch (cfg->profile->tap) {
	case DM_TAP_BEGINS:
		return !strncmp(token, "tap", 3) || !strncmp(token, "vmnet", 5);
	case DM_TAP_CONTAINS:
		return strstr(token, "tap") != NULL;
	default:
		*name = token + 4;
		return !strncmp(token, "tap=", 4) && token[4];
	}
}

static void choose_tap(struct dm_config *cfg, const char *token, struct dm_net *net)
{
	const char *name;
	size_t len;

	net->open_tap = opens_tap(cfg, token, &name);
	if (!net->open_tap) {
		dm_fault(cfg, "net: '%s' opens no tap, the link stays down", token);
		return;
	}
	if (cfg->profile->tap != DM_TAP_TYPED && strchr(name, '='))
		dm_fault(cfg, "net: opens an interface that is called '%s'", name);
	len = strnlen(name, IFNAMSIZ - 1);
	if (name[len])
		dm_fault(cfg, "net: '%s' is cut to %d bytes", name, IFNAMSIZ - 1);
	memcpy(net->tap, name, len);
}

int dm_parse_net(struct dm_config *cfg, struct dm_device *dev)
{
	struct dm_net *net = &dev->net;
	const char *rest = dev->config;
	auto_free char *name = dm_token(&rest, ",");

	if (!name || !*name)
		return dm_fail("virtio_net: invalid arguments");
	choose_tap(cfg, name, net);
	while (rest) {
		auto_free char *opt = dm_token(&rest, ",");

		if (!strcmp(opt, "vhost"))
			net->vhost = true;
		else if (!strncmp(opt, "mac=", 4) && parse_mac(opt + 4, net->mac))
			net->has_mac = true;
		else if (strncmp(opt, "mac_seed=", 9) != 0 ||
			 !dm_release_in(cfg, DM_RELEASE(3, 0, 0), 0))
			return dm_fail("Invalid vmac format \"%s\"", opt);
	}
	return DM_GO_ON;
}
