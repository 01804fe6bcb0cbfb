#include "hypervisor/acrn/device.h"

#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "base/strbuf.h"

/* A path with this anywhere in it is taken for a placeholder. */
#define PLACEHOLDER "nodisk"

enum { CID_MIN = 3, MAC_TEXT_LEN = 17 };
#define CID_MAX UINT32_MAX - 1

static int refuse_char(const char *text, const char *forbidden, const char *what, struct error *err)
{
	const char *bad = strpbrk(text, forbidden);

	if (!bad)
		return 0;
	err_msg(err, -EINVAL, "%s '%s' has a '%c' in it", what, text, *bad);
	return err_hint(err, "the options of acrn-dm have no way to say that: use another name");
}

static int check_path(const char *path, const char *forbidden, size_t max, const char *what,
		      struct error *err)
{
	if (!path || path[0] != '/')
		return err_msg(err, -EINVAL, "%s '%s' is not an absolute path", what,
			       path ? path : "");
	if (strlen(path) > max)
		return err_msg(err, -ENAMETOOLONG, "%s '%s' has %zu bytes, the limit is %zu", what,
			       path, strlen(path), max);
	return refuse_char(path, forbidden, what, err);
}

int device_check_disk_path(const char *path, const char *what, struct error *err)
{
	int ret = check_path(path, ",", ACRN_DEVICE_PATH_MAX, what, err);

	if (ret < 0 || !strstr(path, PLACEHOLDER))
		return ret;
	err_msg(err, -EINVAL, "%s '%s' has \"" PLACEHOLDER "\" in its path", what, path);
	return err_hint(err, "acrn-dm would take it for an empty disk: use another name");
}

static int check_socket(const char *port, const char *path, struct error *err)
{
	int ret = check_path(path, ",:", ACRN_SOCKET_PATH_MAX, "socket", err);

	if (ret < 0)
		return ret;
	if (!port || !*port)
		return err_msg(err, -EINVAL, "the port of socket '%s' has no name", path);
	return refuse_char(port, ",:=", "port", err);
}

static int check_console(const struct acrn_device *device, struct error *err)
{
	const char *path = device->console.path;

	switch (device->console.backend) {
	case ACRN_BACKEND_SOCKET:
		return check_socket(device->console.port, path, err);
	case ACRN_BACKEND_FILE:
		return check_path(path, ",:", ACRN_DEVICE_PATH_MAX, "console file", err);
	case ACRN_BACKEND_TTY:
		return check_path(path, ",:", ACRN_DEVICE_PATH_MAX, "terminal", err);
	case ACRN_BACKEND_PTY:
		return 0;
	case ACRN_BACKEND_STDIO:
		/* com1 has it, always. */
		return err_msg(err, -EINVAL, "the standard input is the serial line's");
	}
	return err_msg(err, -EINVAL, "unknown console backend");
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Six bytes with colons between them, neither all zero nor a multicast address: with those the
 * device model ends. */
static bool mac_is_valid(const char *mac)
{
	int any = 0;

	if (!mac || strlen(mac) != MAC_TEXT_LEN)
		return false;
	for (int i = 0; i < MAC_TEXT_LEN; i++) {
		if (i % 3 == 2 ? mac[i] != ':' : hex_digit(mac[i]) < 0)
			return false;
		any |= i % 3 == 2 ? 0 : hex_digit(mac[i]);
	}
	return any && !(hex_digit(mac[1]) & 1);
}

static bool tap_is_opened(const char *ifname, enum acrn_tap_rule rule)
{
	switch (rule) {
	case ACRN_TAP_BEGINS:
		return !strncmp(ifname, "tap", 3);
	case ACRN_TAP_CONTAINS:
		return strstr(ifname, "tap");
	case ACRN_TAP_PREFIXED:
		return true;
	}
	return false;
}

static int check_net(const struct acrn_device *device, const struct acrn_profile *profile,
		     struct error *err)
{
	const char *ifname = device->net.ifname;

	if (!ifname || !*ifname || strlen(ifname) >= IFNAMSIZ)
		return err_msg(err, -EINVAL, "'%s' is no name of an interface",
			       ifname ? ifname : "");
	if (strpbrk(ifname, ",=/ \t\n"))
		return err_msg(err, -EINVAL,
			       "interface '%s': acrn-dm cannot be told of such a name", ifname);
	if (!mac_is_valid(device->net.mac))
		return err_msg(err, -EINVAL,
			       "interface '%s': '%s' is not the address of one interface", ifname,
			       device->net.mac ? device->net.mac : "");
	if (device->net.macvtap && !profile->macvtap)
		return err_msg(err, -ENOTSUP, "interface '%s': ACRN %s knows no macvtap", ifname,
			       profile->name);
	/* It goes by the name alone, and opens the device with the interface's number. */
	if (device->net.macvtap != !!strstr(ifname, "macvtap") && profile->macvtap) {
		err_msg(err, -EINVAL,
			"ACRN %s would take interface '%s' for a %s and leave it "
			"unconnected",
			profile->name, ifname, device->net.macvtap ? "tap" : "macvtap");
		return err_hint(err,
				device->net.macvtap
					? "set internetworking_model = \"tcfilter\" in [runtime]"
					: "give it a name without \"macvtap\"");
	}
	if (tap_is_opened(ifname, profile->tap))
		return 0;
	err_msg(err, -EINVAL, "ACRN %s would leave interface '%s' unconnected and say nothing",
		profile->name, ifname);
	return err_hint(err, "its name must %s \"tap\"",
			profile->tap == ACRN_TAP_BEGINS ? "begin with" : "contain");
}

static int check_vsock(const struct acrn_device *device, const struct acrn_profile *profile,
		       struct error *err)
{
	if (!profile->vsock)
		return err_msg(err, -ENOTSUP, "ACRN %s has no vsock", profile->name);
	if (device->vsock.cid < CID_MIN || device->vsock.cid > CID_MAX)
		return err_msg(err, -EINVAL, "context id %llu: it must be 3 to %u",
			       (unsigned long long)device->vsock.cid, CID_MAX);
	return 0;
}

int device_check(const struct acrn_device *device, const struct acrn_profile *profile,
		 struct error *err)
{
	switch (device->kind) {
	case ACRN_DEVICE_BRIDGE:
	case ACRN_DEVICE_LPC:
		return 0;
	case ACRN_DEVICE_CONSOLE:
		return check_console(device, err);
	case ACRN_DEVICE_BLOCK:
		return device->block.path ? device_check_disk_path(device->block.path, "disk", err)
					  : 0;
	case ACRN_DEVICE_NET:
		return check_net(device, profile, err);
	case ACRN_DEVICE_VSOCK:
		return check_vsock(device, profile, err);
	}
	return err_msg(err, -EINVAL, "unknown kind of device");
}

static void put_console(const struct acrn_device *device, struct strbuf *spec)
{
	const char *path = device->console.path;

	(void)strbuf_addf(spec, "virtio-console,%s", device->console.is_console ? "@" : "");
	switch (device->console.backend) {
	case ACRN_BACKEND_SOCKET:
		(void)strbuf_addf(spec, "socket:%s=%s", device->console.port, path);
		break;
	case ACRN_BACKEND_FILE:
		(void)strbuf_addf(spec, "file:file_port=%s", path);
		break;
	case ACRN_BACKEND_TTY:
		(void)strbuf_addf(spec, "tty:tty_port=%s", path);
		break;
	case ACRN_BACKEND_PTY:
		(void)strbuf_adds(spec, "pty:pty_port");
		break;
	case ACRN_BACKEND_STDIO:
		(void)strbuf_adds(spec, "stdio:stdio_port");
		break;
	}
}

static void put_block(const struct acrn_device *device, struct strbuf *spec)
{
	const char *path = device->block.path;

	(void)strbuf_addf(spec, "virtio-blk,%s", path ? path : PLACEHOLDER);
	if (path && device->block.readonly)
		(void)strbuf_adds(spec, ",ro");
}

void device_add(const struct acrn_device *device, const struct acrn_profile *profile, uint32_t slot,
		struct strvec *argv)
{
	auto_strbuf struct strbuf spec = { 0 };

	(void)strbuf_addf(&spec, "%u", slot);
	switch (device->kind) {
	case ACRN_DEVICE_BRIDGE:
		(void)strbuf_adds(&spec, ":0,hostbridge");
		break;
	case ACRN_DEVICE_LPC:
		(void)strbuf_adds(&spec, ":0,lpc");
		break;
	case ACRN_DEVICE_CONSOLE:
		(void)strbuf_addc(&spec, ',');
		put_console(device, &spec);
		break;
	case ACRN_DEVICE_BLOCK:
		(void)strbuf_addc(&spec, ',');
		put_block(device, &spec);
		break;
	case ACRN_DEVICE_NET:
		(void)strbuf_addf(&spec, ",virtio-net,%s%s,mac=%s",
				  profile->tap == ACRN_TAP_PREFIXED ? "tap=" : "",
				  device->net.ifname, device->net.mac);
		break;
	case ACRN_DEVICE_VSOCK:
		(void)strbuf_addf(&spec, ",vhost-vsock,cid=%u", (uint32_t)device->vsock.cid);
		break;
	}
	if (strbuf_error(&spec) < 0)
		argv->error = strbuf_error(&spec);
	(void)strvec_add(argv, "-s");
	(void)strvec_add(argv, strbuf_str(&spec));
	/* Both in one word, as it has always been. */
	if (device->kind == ACRN_DEVICE_LPC)
		(void)strvec_add(argv, "-lcom1,stdio");
}
