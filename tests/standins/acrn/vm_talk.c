/* What QEMU tells, and what it is asked and told while the guest runs. */
#include "tests/standins/acrn/vm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "tests/standins/acrn/qemu_argv.h"

struct event_data {
	const char *reason;
	const char *id;
	bool open;
};

static const struct json_row event_rows[] = {
	{ .name = "reason", .kind = JSON_STR, .offset = offsetof(struct event_data, reason) },
	{ .name = "id", .kind = JSON_STR, .offset = offsetof(struct event_data, id) },
	{ .name = "open", .kind = JSON_BOOL, .offset = offsetof(struct event_data, open) },
};
static const struct json_type event_type = JSON_TYPE(event_data, event_rows);

/* Ids of ports are "pc" and their number. */
static void on_port(struct vm *vm, const struct event_data *data)
{
	char *end;
	unsigned long i;

	if (!data->id || strncmp(data->id, "pc", 2) != 0)
		return;
	i = strtoul(data->id + 2, &end, 10);
	if (!*end && i < vm->n_relays)
		vm->relays[i].guest_open = data->open;
}

void vm_on_event(void *arg, const char *event, const char *text)
{
	auto_arena struct arena arena = { 0 };
	struct vm *vm = arg;
	struct event_data data;
	struct error err;

	if (json_decode(&event_type, text, strlen(text), NULL, &arena, &data, &err) < 0)
		return;
	if (!strcmp(event, "VSERPORT_CHANGE"))
		on_port(vm, &data);
	else if (!strcmp(event, "SHUTDOWN") && data.reason) {
		vm->reset = !strcmp(data.reason, "guest-reset");
		vm->off = !vm->reset;
	}
}

struct chardev {
	const char *label;
	bool frontend_open;
};

struct chardevs {
	struct json_objs list;
};

static const struct json_row chardev_rows[] = {
	{ .name = "label", .kind = JSON_STR, .offset = offsetof(struct chardev, label) },
	{ .name = "frontend-open",
	  .kind = JSON_BOOL,
	  .offset = offsetof(struct chardev, frontend_open) },
};
static const struct json_type chardev_type = JSON_TYPE(chardev, chardev_rows);

static const struct json_row chardevs_rows[] = {
	{ .name = "list",
	  .kind = JSON_OBJS,
	  .offset = offsetof(struct chardevs, list),
	  .type = &chardev_type },
};
static const struct json_type chardevs_type = JSON_TYPE(chardevs, chardevs_rows);

/* QEMU tells of a port once a second at most; asked, it knows. */
bool vm_port_is_open(void *arg, const struct relay *relay)
{
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf result = { 0 };
	auto_strbuf struct strbuf text = { 0 };
	struct chardevs found = { 0 };
	struct vm *vm = arg;
	struct error err;
	char label[NODE_NAME_LEN];

	if (qmp_execute(&vm->qmp, "query-chardev", NULL, VM_COMMAND_TIMEOUT_MS, &result, &err) < 0)
		return false;
	(void)strbuf_addf(&text, "{\"list\":%s}", strbuf_str(&result));
	if (strbuf_error(&text) < 0 ||
	    json_decode(&chardevs_type, text.data, text.len, NULL, &arena, &found, &err) < 0)
		return false;
	(void)snprintf(label, sizeof(label), "c%u", (unsigned)(relay - vm->relays));
	for (size_t i = 0; i < found.list.len; i++) {
		const struct chardev *chardev = (const struct chardev *)found.list.items + i;

		if (chardev->label && !strcmp(chardev->label, label))
			return chardev->frontend_open;
	}
	return false;
}

int vm_press_power(struct vm *vm)
{
	struct error err;

	return qmp_execute(&vm->qmp, "system_powerdown", NULL, VM_COMMAND_TIMEOUT_MS, NULL, &err) <
			       0
		       ? -1
		       : 0;
}

int vm_set_paused(struct vm *vm, bool paused)
{
	struct error err;

	return qmp_execute(&vm->qmp, paused ? "stop" : "cont", NULL, VM_COMMAND_TIMEOUT_MS, NULL,
			   &err) < 0
		       ? -1
		       : 0;
}

/* Bit 0 of the power management control register of QEMU's PIIX4, which its firmware puts at 0x600.
 */
bool vm_acpi_enabled(struct vm *vm)
{
	auto_strbuf struct strbuf result = { 0 };
	const char *value;
	struct error err;
	unsigned long bits;

	if (qmp_execute(&vm->qmp, "human-monitor-command", "{\"command-line\":\"i /xh 0x604\"}",
			VM_COMMAND_TIMEOUT_MS, &result, &err) < 0)
		return false;
	value = strstr(strbuf_str(&result), "= 0x");
	bits = value ? strtoul(value + 2, NULL, 16) : 0;
	return bits != 0xffff && (bits & 1);
}
