/* Interfaces for a machine that runs. */
#include "hypervisor/qemu/qemu_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"

/* Of a device in a port, by the port's number; of one on the root bus. */
#define IN_PORT_ID QEMU_PORT_ID "-nic"
#define ON_BUS_ID  "%s-nic"

enum { ID_MAX = 48 };

/* An entry of qom-list: what was plugged in under a name. */
struct peripheral {
	const char *name;
};

static const struct json_row peripheral_rows[] = {
	{ .name = "name", .kind = JSON_STR, .offset = offsetof(struct peripheral, name) },
};
static const struct json_type peripheral_type = JSON_TYPE(peripheral, peripheral_rows);

static const struct json_row peripherals_rows[] = {
	{ .name = "list",
	  .kind = JSON_OBJS,
	  .offset = offsetof(struct qemu_peripherals, list),
	  .type = &peripheral_type },
};
static const struct json_type peripherals_type = JSON_TYPE(qemu_peripherals, peripherals_rows);

int qemu_ask_peripherals(struct qmp *qmp, struct arena *arena, struct qemu_peripherals *all,
			 struct error *err)
{
	*all = (struct qemu_peripherals){ 0 };
	return control_ask(qmp, "qom-list", "{\"path\":\"/machine/peripheral\"}", &peripherals_type,
			   arena, all, err);
}

bool qemu_has_peripheral(const struct qemu_peripherals *all, const char *name)
{
	const struct peripheral *entry = all->list.items;

	for (size_t i = 0; i < all->list.len; i++)
		if (entry[i].name && !strcmp(entry[i].name, name))
			return true;
	return false;
}

/* Where the device goes: into the first empty port; without ports, onto the root bus (port ""). */
static int find_place(struct qmp *qmp, const struct vm_nic *nic, char port[ID_MAX], char id[ID_MAX],
		      struct error *err)
{
	auto_arena struct arena arena = { 0 };
	struct qemu_peripherals all;
	unsigned i;
	int ret = qemu_ask_peripherals(qmp, &arena, &all, err);

	if (ret < 0)
		return ret;
	for (i = 0;; i++) {
		(void)snprintf(port, ID_MAX, QEMU_PORT_ID, i);
		if (!qemu_has_peripheral(&all, port))
			break;
		(void)snprintf(id, ID_MAX, IN_PORT_ID, i);
		if (!qemu_has_peripheral(&all, id))
			return 0;
	}
	if (i > 0)
		return err_msg(err, -ENOSPC, "all %u ports for interfaces are in use", i);
	port[0] = '\0';
	(void)snprintf(id, ID_MAX, ON_BUS_ID, nic->id);
	return 0;
}

static int plug(struct qmp *qmp, const struct vm_nic *nic, const char *port, const char *id,
		struct error *err)
{
	auto_strbuf struct strbuf args = { 0 };

	(void)strbuf_adds(&args, "{\"driver\":\"virtio-net-pci\",\"id\":");
	(void)json_quote(&args, id);
	if (*port) {
		(void)strbuf_adds(&args, ",\"bus\":");
		(void)json_quote(&args, port);
	}
	(void)strbuf_adds(&args, ",\"netdev\":");
	(void)json_quote(&args, nic->id);
	(void)strbuf_adds(&args, ",\"mac\":");
	(void)json_quote(&args, nic->mac);
	(void)strbuf_adds(&args, ",\"romfile\":\"\"}");
	if (strbuf_error(&args) < 0)
		return err_set(err, strbuf_error(&args), "describe an interface for QEMU");
	return qmp_execute(qmp, "device_add", strbuf_str(&args), CONTROL_TIMEOUT_MS, NULL, err);
}

/* A command about what goes by the interface's name. */
static int about(struct qmp *qmp, const char *command, const char *before, const struct vm_nic *nic,
		 const char *after, struct error *err)
{
	auto_strbuf struct strbuf args = { 0 };

	(void)strbuf_adds(&args, before);
	(void)json_quote(&args, nic->id);
	(void)strbuf_adds(&args, after);
	if (strbuf_error(&args) < 0)
		return err_set(err, strbuf_error(&args), "describe an interface for QEMU");
	return qmp_execute(qmp, command, strbuf_str(&args), CONTROL_TIMEOUT_MS, NULL, err);
}

/* QEMU gets the descriptor under the interface's name and takes it as the other end of it. */
static int add_backend(struct qmp *qmp, const struct vm_nic *nic, struct error *err)
{
	auto_strbuf struct strbuf fd = { 0 };
	struct error ignored;
	int ret = qmp_give_fd(qmp, nic->fd, nic->id, CONTROL_TIMEOUT_MS, err);

	if (ret < 0)
		return ret;
	(void)strbuf_adds(&fd, ",\"fd\":");
	(void)json_quote(&fd, nic->id);
	(void)strbuf_addc(&fd, '}');
	ret = strbuf_error(&fd) < 0 ? err_set(err, strbuf_error(&fd), "describe an interface")
				    : about(qmp, "netdev_add", "{\"type\":\"tap\",\"id\":", nic,
					    strbuf_str(&fd), err);
	if (ret == 0)
		return 0;
	/* It may have kept the descriptor or not. */
	if (about(qmp, "closefd", "{\"fdname\":", nic, "}", &ignored) < 0)
		return ret;
	return ret;
}

int qemu_add_nic(const struct vm *vm, int control_fd, const struct vm_nic *nic, struct error *err)
{
	auto_qmp struct qmp qmp = { 0 };
	char port[ID_MAX], id[ID_MAX];
	struct error ignored;
	int ret = control_open(&qmp, control_fd, err);

	(void)vm;
	if (ret == 0)
		ret = find_place(&qmp, nic, port, id, err);
	if (ret == 0)
		ret = add_backend(&qmp, nic, err);
	if (ret < 0)
		return ret;
	ret = plug(&qmp, nic, port, id, err);
	if (ret < 0 && about(&qmp, "netdev_del", "{\"id\":", nic, "}", &ignored) < 0)
		return ret;
	return ret;
}
