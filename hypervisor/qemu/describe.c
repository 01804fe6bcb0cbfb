/* What a running machine looks like, by its own word and its command line. */
#include "hypervisor/qemu/qemu_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/parse.h"
#include "base/strbuf.h"

enum { COMMAND_MAX = 256 << 10, MIB = 1 << 20, ID_MAX = 32, PATH_LEN = 96 };

struct version_numbers {
	uint32_t major, minor, micro;
};

struct version {
	struct version_numbers qemu;
};

#define NUMBER(field, member)                                      \
	{                                                          \
		.name = (field), .kind = JSON_U32,                 \
		.offset = offsetof(struct version_numbers, member) \
	}

static const struct json_row numbers_rows[] = {
	NUMBER("major", major),
	NUMBER("minor", minor),
	NUMBER("micro", micro),
};
static const struct json_type numbers_type = JSON_TYPE(version_numbers, numbers_rows);

static const struct json_row version_rows[] = {
	{ .name = "qemu",
	  .kind = JSON_OBJ,
	  .offset = offsetof(struct version, qemu),
	  .type = &numbers_type },
};
static const struct json_type version_type = JSON_TYPE(version, version_rows);

/* An entry of query-named-block-nodes. */
struct node {
	const char *name;
	const char *file;
	bool readonly;
};

struct nodes {
	struct json_objs list; /* struct node */
};

static const struct json_row node_rows[] = {
	{ .name = "node-name", .kind = JSON_STR, .offset = offsetof(struct node, name) },
	{ .name = "file", .kind = JSON_STR, .offset = offsetof(struct node, file) },
	{ .name = "ro", .kind = JSON_BOOL, .offset = offsetof(struct node, readonly) },
};
static const struct json_type node_type = JSON_TYPE(node, node_rows);

static const struct json_row nodes_rows[] = {
	{ .name = "list",
	  .kind = JSON_OBJS,
	  .offset = offsetof(struct nodes, list),
	  .type = &node_type },
};
static const struct json_type nodes_type = JSON_TYPE(nodes, nodes_rows);

/* A property that is text; control_ask() reads objects. */
struct text {
	const char *value;
};

static const struct json_row text_rows[] = {
	{ .name = "value", .kind = JSON_STR, .offset = offsetof(struct text, value) },
};
static const struct json_type text_type = JSON_TYPE(text, text_rows);

static int ask_version(struct qmp *qmp, struct arena *arena, struct vm_saved *saved,
		       struct error *err)
{
	struct version version = { 0 };
	int ret = control_ask(qmp, "query-version", NULL, &version_type, arena, &version, err);

	if (ret < 0)
		return ret;
	saved->version = arena_printf(arena, "%u.%u.%u", version.qemu.major, version.qemu.minor,
				      version.qemu.micro);
	return saved->version ? 0 : err_set(err, -ENOMEM, "describe the machine");
}

static unsigned count_ports(const struct qemu_peripherals *all, bool of_disks)
{
	unsigned n = 0;
	char id[ID_MAX];

	for (;; n++) {
		if (of_disks)
			(void)snprintf(id, sizeof(id), QEMU_DISK_PORT_ID, n);
		else
			(void)snprintf(id, sizeof(id), QEMU_PORT_ID, n);
		if (!qemu_has_peripheral(all, id))
			return n;
	}
}

static int ask_property(struct qmp *qmp, const char *id, const char *property, struct arena *arena,
			const char **value, struct error *err)
{
	auto_strbuf struct strbuf answer = { 0 };
	auto_strbuf struct strbuf object = { 0 };
	struct text text = { 0 };
	char args[PATH_LEN];
	int ret;

	(void)snprintf(args, sizeof(args),
		       "{\"path\":\"/machine/peripheral/%s\",\"property\":\"%s\"}", id, property);
	ret = qmp_execute(qmp, "qom-get", args, CONTROL_TIMEOUT_MS, &answer, err);
	if (ret < 0)
		return ret;
	(void)strbuf_addf(&object, "{\"value\":%s}", strbuf_str(&answer));
	ret = json_decode(&text_type, strbuf_str(&object), object.len, NULL, arena, &text, err);
	*value = text.value;
	if (ret == 0 && !text.value)
		return err_msg(err, -EPROTO, "QEMU does not tell '%s' of '%s'", property, id);
	return ret;
}

static int ask_nics(struct qmp *qmp, const struct qemu_peripherals *all, struct arena *arena,
		    struct vm_saved *saved, struct error *err)
{
	struct vm_saved_nic *nics = arena_calloc(arena, saved->nic_slots + 1, sizeof(*nics));
	int ret = nics ? 0 : err_set(err, -ENOMEM, "describe the machine");
	size_t n = 0;

	for (uint32_t i = 0; ret == 0 && i < saved->nic_slots; i++) {
		char id[ID_MAX];

		(void)snprintf(id, sizeof(id), QEMU_PORT_ID "-nic", i);
		if (!qemu_has_peripheral(all, id))
			continue;
		nics[n].port = i;
		ret = ask_property(qmp, id, "netdev", arena, &nics[n].id, err);
		if (ret == 0)
			ret = ask_property(qmp, id, "mac", arena, &nics[n].mac, err);
		n++;
	}
	saved->nics = (struct json_objs){ nics, n };
	return ret;
}

static int ask_disks(struct qmp *qmp, const struct qemu_peripherals *all, struct arena *arena,
		     struct vm_saved *saved, struct error *err)
{
	struct vm_saved_disk *disks = arena_calloc(arena, saved->disk_slots + 1, sizeof(*disks));
	struct nodes nodes = { 0 };
	const struct node *node;
	size_t n = 0;
	int ret = disks ? control_ask(qmp, "query-named-block-nodes", "{\"flat\":true}",
				      &nodes_type, arena, &nodes, err)
			: err_set(err, -ENOMEM, "describe the machine");

	node = nodes.list.items;
	for (uint32_t i = 0; ret == 0 && i < saved->disk_slots; i++) {
		char id[ID_MAX], file[ID_MAX + sizeof("-file")];

		(void)snprintf(id, sizeof(id), QEMU_DISK_ID, i);
		(void)snprintf(file, sizeof(file), "%s-file", id);
		if (!qemu_has_peripheral(all, id))
			continue;
		for (size_t k = 0; k < nodes.list.len; k++)
			if (node[k].name && node[k].file && !strcmp(node[k].name, file))
				disks[n] =
					(struct vm_saved_disk){ i, node[k].file, node[k].readonly };
		if (!disks[n++].path)
			ret = err_msg(err, -EPROTO, "QEMU does not tell the file of '%s'", id);
	}
	saved->disks = (struct json_objs){ disks, n };
	return ret;
}

/* What is plugged in where a port says so can be put there again. */
static int ask_devices(struct qmp *qmp, struct arena *arena, struct vm_saved *saved,
		       struct error *err)
{
	struct qemu_peripherals all;
	char disk[ID_MAX];
	int ret = qemu_ask_peripherals(qmp, arena, &all, err);

	if (ret < 0)
		return ret;
	(void)snprintf(disk, sizeof(disk), QEMU_DISK_ID, 0U);
	saved->nic_slots = count_ports(&all, false);
	saved->disk_slots = count_ports(&all, true);
	if (saved->disk_slots == 0 && qemu_has_peripheral(&all, disk)) {
		err_msg(err, -ENOTSUP, "the machine's type has no ports that disks are put into");
		return err_hint(err, "set machine_type = \"q35\" in [hypervisor.qemu]");
	}
	ret = ask_nics(qmp, &all, arena, saved, err);
	return ret < 0 ? ret : ask_disks(qmp, &all, arena, saved, err);
}

/* The options whose values say which devices there are, but for those that are counted above. */
static bool shapes(const char *option, const char *value)
{
	static const char *const options[] = { "-machine", "-cpu", "-device" };
	static const char *const counted[] = { "pcie-root-port,", "vmgenid,", "pc-dimm,",
					       "virtio-blk-pci,id=", "virtio-net-pci,id=" };

	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++)
		if (!strncmp(value, counted[i], strlen(counted[i])))
			return false;
	if (strstr(value, "-cpu,id="))
		return false;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (!strcmp(option, options[i]))
			return true;
	return false;
}

int qemu_shape(const char *command, size_t len, struct arena *arena, struct json_strs *shape,
	       struct error *err)
{
	const char *end = command + len;
	size_t words = 0;

	for (const char *p = command; p < end; p += strlen(p) + 1)
		words++;
	shape->items = arena_calloc(arena, words + 1, sizeof(*shape->items));
	shape->len = 0;
	if (!shape->items)
		return err_set(err, -ENOMEM, "describe the machine");
	for (const char *p = command; p < end; p += strlen(p) + 1) {
		const char *value = p + strlen(p) + 1;

		if (value >= end || !shapes(p, value))
			continue;
		shape->items[shape->len] = arena_printf(arena, "%s %s", p, value);
		if (!shape->items[shape->len++])
			return err_set(err, -ENOMEM, "describe the machine");
	}
	return 0;
}

static int read_shape(const struct vm *vm, struct arena *arena, struct vm_saved *saved,
		      struct error *err)
{
	auto_strbuf struct strbuf command = { 0 };
	char path[ID_MAX];
	int ret;

	(void)snprintf(path, sizeof(path), "/proc/%lld/cmdline", (long long)vm->vmm.pid);
	ret = fs_read_file_at(AT_FDCWD, path, &command, COMMAND_MAX);
	if (ret < 0)
		return err_set(err, ret, "read '%s'", path);
	return qemu_shape(strbuf_str(&command), command.len, arena, &saved->shape, err);
}

int qemu_describe(const struct vm *vm, int control_fd, struct arena *arena, struct vm_saved *saved,
		  struct error *err)
{
	auto_qmp struct qmp qmp = { 0 };
	struct error none;
	int ret = control_open(&qmp, control_fd, err);

	*saved = (struct vm_saved){ 0 };
	if (ret == 0)
		ret = ask_version(&qmp, arena, saved, err);
	if (ret == 0)
		ret = qemu_ask_growth(&qmp, arena, saved, err);
	if (ret == 0)
		ret = ask_devices(&qmp, arena, saved, err);
	if (ret == 0)
		ret = read_shape(vm, arena, saved, err);
	if (ret == 0)
		saved->generation = qmp_execute(&qmp, "query-vm-generation-id", NULL,
						CONTROL_TIMEOUT_MS, NULL, &none) == 0;
	return ret < 0 ? err_ctx(err, "ask what the virtual machine looks like") : 0;
}
