#include "tests/standins/acrn/qemu_argv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/strbuf.h"

#define LEGACY ",disable-modern=on,disable-legacy=off"
#define NO_OFFLOADS                                                                     \
	",csum=off,guest_csum=off,gso=off,guest_tso4=off,guest_tso6=off,guest_ecn=off," \
	"guest_ufo=off,host_tso4=off,host_tso6=off,host_ecn=off,host_ufo=off,mq=off,"   \
	"romfile="
/* A feature that the original's disks do not have. */
#define PLAIN_DISK ",config-wce=off,discard=off,write-zeroes=off,num-queues=1,share-rw=on"

struct builder {
	const struct dm_config *cfg;
	const struct settings *set;
	struct strvec *argv;
	int next_fd;
	unsigned next_port;
};

void standin_node_name(char prefix, const struct dm_device *dev, char out[static NODE_NAME_LEN])
{
	(void)snprintf(out, NODE_NAME_LEN, "%c%u_%u", prefix, dev->slot % DM_SLOTS,
		       dev->func % DM_FUNCS);
}

static void add(struct builder *b, const char *option, const char *value)
{
	(void)strvec_add(b->argv, option);
	(void)strvec_add(b->argv, value);
}

/* Another function of the slot is in use: the guest is to look for it. */
static bool is_multifunction(const struct builder *b, const struct dm_device *dev)
{
	for (unsigned i = 0; i < b->cfg->n_devices; i++)
		if (b->cfg->devices[i].slot == dev->slot && b->cfg->devices[i].func != dev->func)
			return true;
	return false;
}

static void add_device(struct builder *b, const struct dm_device *dev, const char *driver,
		       const char *properties)
{
	(void)strvec_add(b->argv, "-device");
	(void)strvec_addf(b->argv, "%s,addr=0x%x.%u%s%s", driver, dev->slot, dev->func,
			  is_multifunction(b, dev) ? ",multifunction=on" : "", properties);
}

static bool is_block_device(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISBLK(st.st_mode);
}

static void add_blk(struct builder *b, const struct dm_device *dev)
{
	const struct dm_blk *blk = &dev->blk;
	const char *ro = blk->readonly ? "on" : "off";
	char file[NODE_NAME_LEN];
	char disk[NODE_NAME_LEN];
	char id[NODE_NAME_LEN];
	char properties[256];

	standin_node_name('f', dev, file);
	standin_node_name('d', dev, disk);
	standin_node_name('b', dev, id);
	(void)strvec_add(b->argv, "-blockdev");
	if (blk->nodisk || blk->directory)
		(void)strvec_addf(b->argv, "driver=null-co,size=0,read-zeroes=on,node-name=%s",
				  file);
	else
		(void)strvec_addf(b->argv,
				  "driver=%s,node-name=%s,locking=off,read-only=%s,"
				  "cache.direct=%s,filename=%s",
				  is_block_device(blk->path) ? "host_device" : "file", file, ro,
				  blk->nocache ? "on" : "off", blk->path);
	(void)strvec_add(b->argv, "-blockdev");
	(void)strvec_addf(b->argv, "driver=raw,node-name=%s,file=%s,read-only=%s", disk, file, ro);
	(void)snprintf(properties, sizeof(properties),
		       ",id=%s,drive=%s,write-cache=%s" PLAIN_DISK LEGACY, id, disk,
		       blk->writeback ? "on" : "off");
	add_device(b, dev, "virtio-blk-pci", properties);
}

static void add_net(struct builder *b, const struct dm_device *dev, bool has_tap)
{
	const struct dm_net *net = &dev->net;
	char id[NODE_NAME_LEN];
	char properties[512];
	char mac[32] = "";

	standin_node_name('n', dev, id);
	(void)strvec_add(b->argv, "-netdev");
	if (has_tap)
		(void)strvec_addf(b->argv, "tap,id=%s,fd=%d", id, b->next_fd++);
	else
		(void)strvec_addf(b->argv, "user,id=%s,restrict=on", id);
	if (net->has_mac)
		(void)snprintf(mac, sizeof(mac), ",mac=%02x:%02x:%02x:%02x:%02x:%02x", net->mac[0],
			       net->mac[1], net->mac[2], net->mac[3], net->mac[4], net->mac[5]);
	(void)snprintf(properties, sizeof(properties), ",netdev=%s%s" NO_OFFLOADS LEGACY, id, mac);
	add_device(b, dev, "virtio-net-pci", properties);
}

/* A chardev that is connected for good: the guest always believes that somebody is there. */
static void add_chardev(struct builder *b, char id[static NODE_NAME_LEN])
{
	(void)snprintf(id, NODE_NAME_LEN, "c%u", b->next_port++);
	(void)strvec_add(b->argv, "-chardev");
	(void)strvec_addf(b->argv, "socket,id=%s,fd=%d", id, b->next_fd++);
}

static void add_console(struct builder *b, const struct dm_device *dev)
{
	char bus[NODE_NAME_LEN];
	char properties[128];
	char chardev[NODE_NAME_LEN];

	standin_node_name('s', dev, bus);
	(void)snprintf(properties, sizeof(properties), ",id=%s,max_ports=%d" LEGACY, bus,
		       DM_PORTS_MAX + 1);
	add_device(b, dev, "virtio-serial-pci", properties);
	for (unsigned i = 0; i < dev->console.n_ports; i++) {
		const struct dm_port *port = &dev->console.ports[i];
		/* QEMU keeps number 0 for a console */
		unsigned nr = port->console && i == 0 ? 0 : i + 1;

		add_chardev(b, chardev);
		(void)strvec_add(b->argv, "-device");
		(void)strvec_addf(b->argv, "%s,bus=%s.0,chardev=%s,id=p%s,nr=%u,name=%s",
				  port->console ? "virtconsole" : "virtserialport", bus, chardev,
				  chardev, nr, port->name);
	}
}

static void add_vm(struct builder *b)
{
	static const char *const knobs[] = {
		"-no-user-config", "-nodefaults", "-display", "none", "-vga", "none",
		"-no-reboot",	   "-S",	  "-chardev", NULL,
	};
	/* Emulated string instructions go byte by byte: the guest is to take others. */
	bool tcg = !strncmp(b->set->accel, "tcg", 3);

	(void)strvec_add(b->argv, b->set->qemu);
	(void)strvec_add(b->argv, "-name");
	/* a comma would begin an option of QEMU's */
	(void)strvec_addf(b->argv, "acrn-%.*s", (int)strcspn(b->cfg->vmname, ","), b->cfg->vmname);
	add(b, "-machine", "pc,usb=off,vmport=off");
	add(b, "-accel", b->set->accel);
	add(b, "-cpu", tcg ? "max,erms=off,fsrm=off" : "max");
	(void)strvec_add_all(b->argv, knobs);
	(void)strvec_addf(b->argv, "socket,id=control,fd=%d", QEMU_CONTROL_FD);
	add(b, "-mon", "chardev=control,mode=control");
	(void)strvec_add(b->argv, "-smp");
	(void)strvec_addf(b->argv, "%u", dm_vcpus(b->cfg));
	(void)strvec_add(b->argv, "-m");
	(void)strvec_addf(b->argv, "%lluM", (unsigned long long)(b->cfg->memory >> 20));
}

static bool has_lpc(const struct dm_config *cfg)
{
	for (unsigned i = 0; i < cfg->n_devices; i++)
		if (cfg->devices[i].kind == DM_LPC)
			return true;
	return false;
}

static void add_serial(struct builder *b)
{
	char chardev[NODE_NAME_LEN];
	char value[NODE_NAME_LEN + 16];

	for (unsigned i = 0; has_lpc(b->cfg) && i < DM_COMS; i++) {
		if (b->cfg->coms[i].backend) {
			add_chardev(b, chardev);
			(void)snprintf(value, sizeof(value), "chardev:%s", chardev);
			add(b, "-serial", value);
		} else {
			add(b, "-serial", b->cfg->coms[i].named ? "null" : "none");
		}
	}
}

static void add_boot(struct builder *b)
{
	const struct dm_config *cfg = b->cfg;
	bool both = cfg->bootargs && b->set->append;

	add(b, "-kernel", b->set->kernel ? b->set->kernel : cfg->kernel);
	if (cfg->ramdisk)
		add(b, "-initrd", cfg->ramdisk);
	(void)strvec_add(b->argv, "-append");
	(void)strvec_addf(b->argv, "%s%s%s", cfg->bootargs ? cfg->bootargs : "", both ? " " : "",
			  b->set->append ? b->set->append : "");
}

static int add_one(struct builder *b, const struct dm_device *dev, bool has_tap, struct error *err)
{
	char properties[64];

	switch (dev->kind) {
	case DM_HOSTBRIDGE:
		return dev->slot == 0 ? 0
				      : err_msg(err, -EINVAL, "QEMU has its host bridge at 0:0");
	case DM_LPC:
		return dev->slot == 1 ? 0 : err_msg(err, -EINVAL, "QEMU has its ISA bridge at 1:0");
	case DM_BLK:
		add_blk(b, dev);
		return 0;
	case DM_NET:
		add_net(b, dev, has_tap);
		return 0;
	case DM_CONSOLE:
		add_console(b, dev);
		return 0;
	case DM_RND:
		add_device(b, dev, "virtio-rng-pci", LEGACY);
		return 0;
	case DM_VSOCK:
		(void)snprintf(properties, sizeof(properties), ",guest-cid=%u", dev->cid);
		add_device(b, dev, "vhost-vsock-pci", properties);
		return 0;
	default:
		return err_msg(err, -ENOTSUP, "no counterpart for '%s'", dev->emul);
	}
}

int standin_qemu_argv(const struct dm_config *cfg, const struct settings *set,
		      tap_open_fn *tap_open, const void *arg, struct strvec *argv,
		      struct error *err)
{
	struct builder b = {
		.cfg = cfg,
		.set = set,
		.argv = argv,
		.next_fd = QEMU_FIRST_FD,
	};
	int ret = 0;

	add_vm(&b);
	add_serial(&b);
	/* the ports' descriptors come before those of the taps */
	for (unsigned i = 0; ret == 0 && i < cfg->n_devices; i++)
		if (cfg->devices[i].kind != DM_NET)
			ret = add_one(&b, &cfg->devices[i], false, err);
	for (unsigned i = 0; ret == 0 && i < cfg->n_devices; i++)
		if (cfg->devices[i].kind == DM_NET)
			ret = add_one(&b, &cfg->devices[i], tap_open(arg, &cfg->devices[i]), err);
	if (ret < 0)
		return ret;
	add_boot(&b);
	ret = strvec_error(argv);
	return ret < 0 ? err_set(err, ret, "build QEMU's command line") : 0;
}
