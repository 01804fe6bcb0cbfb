/*
 * Random machines of every profile, built by the backend and read back by the stand-in's parser,
 * which is as strict and as careless as the device model: what comes out is what went in, and
 * nothing went wrong in silence. And random text in paths and names: refused, or read back as it
 * was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "hypervisor/acrn/argv.h"
#include "tests/standins/acrn/dm_parse.h"

enum { LISTS = 1000, TEXTS = 4000, TEXT_MAX = 64 };

/* Which release of the stand-in each profile is held against. */
static const struct {
	const char *profile;
	const char *release;
} pairs[] = {
	{ "1.x", "1.2" }, { "2.0", "2.0" }, { "2.6", "2.6" },
	{ "2.7", "2.7" }, { "3.x", "3.0" }, { "3.x", "3.4" },
};

enum { PAIRS = sizeof(pairs) / sizeof(pairs[0]) };

/* The same numbers each time. */
struct dice {
	uint64_t state;
};

static uint32_t roll(struct dice *dice, uint32_t sides)
{
	dice->state ^= dice->state << 13;
	dice->state ^= dice->state >> 7;
	dice->state ^= dice->state << 17;
	return (uint32_t)(dice->state >> 32) % sides;
}

/* Texts of one machine. */
struct texts {
	char items[2 * ACRN_SLOTS][TEXT_MAX];
	unsigned n;
};

static const char *word(struct dice *dice, struct texts *texts, const char *head)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.=@";
	char *text = texts->items[texts->n++];
	size_t len = strlen(head);
	size_t more = 1 + roll(dice, 8);

	memcpy(text, head, len);
	while (more-- > 0)
		text[len++] = letters[roll(dice, sizeof(letters) - 1)];
	text[len] = '\0';
	return text;
}

static struct acrn_device random_device(struct dice *dice, struct texts *texts,
					const struct acrn_profile *profile)
{
	struct acrn_device device = { .kind = ACRN_DEVICE_BLOCK };

	switch (roll(dice, profile->vsock ? 5 : 4)) {
	case 0:
		break;
	case 1:
		device.block.path = word(dice, texts, "/srv/disk");
		device.block.readonly = roll(dice, 2);
		break;
	case 2:
		device.kind = ACRN_DEVICE_CONSOLE;
		device.console.backend = ACRN_BACKEND_SOCKET;
		device.console.is_console = roll(dice, 2);
		device.console.port = roll(dice, 2) ? "sh.hyper.channel.0" : "console0";
		device.console.path = word(dice, texts, "/run/sock");
		break;
	case 3:
		device.kind = ACRN_DEVICE_NET;
		device.net.ifname = roll(dice, 2) ? "tap0_kata" : "tapx";
		device.net.mac = "02:42:ac:11:00:02";
		break;
	case 4:
		device.kind = ACRN_DEVICE_VSOCK;
		device.vsock.cid = 3 + roll(dice, 100000);
		break;
	}
	return device;
}

static void random_machine(struct dice *dice, const struct acrn_profile *profile,
			   struct texts *texts, struct acrn_machine *machine)
{
	static const struct acrn_device bridge = { .kind = ACRN_DEVICE_BRIDGE };
	static const struct acrn_device lpc = { .kind = ACRN_DEVICE_LPC };
	struct error err;

	texts->n = 0;
	*machine = (struct acrn_machine){
		.profile = profile,
		.path = "/usr/bin/acrn-dm",
		.uuid = profile->by_uuid ? "a7ada506-1ab0-4b6b-a0da-e513ca9b8c2f" : NULL,
		.name = "sabcdefghijklmn",
		.memory_mib = 1 + roll(dice, 4096),
		.affinity = profile->affinity == ACRN_AFFINITY_NONE ? NULL
			    : roll(dice, 2)			    ? "0"
								    : "1,3",
		.control = profile->cmd_monitor ? word(dice, texts, "/run/ctl") : NULL,
		.kernel = word(dice, texts, "/boot/kernel"),
		.initrd = roll(dice, 2) ? word(dice, texts, "/boot/initrd") : NULL,
		.params = word(dice, texts, "quiet a=b, c:d x="),
	};
	assert_int_equal(machine_add(machine, &bridge, &err), 0);
	assert_int_equal(machine_add(machine, &lpc, &err), 0);
	for (uint32_t n = roll(dice, ACRN_SLOTS - 2); n > 0; n--) {
		struct acrn_device device = random_device(dice, texts, profile);

		assert_int_equal(machine_add(machine, &device, &err), 0);
	}
}

static void check_console(const struct acrn_device *want, const struct dm_device *got)
{
	assert_int_equal(got->kind, DM_CONSOLE);
	assert_int_equal(got->console.n_ports, 1);
	assert_int_equal(got->console.ports[0].backend, DM_SOCKET);
	assert_false(got->console.ports[0].client);
	assert_int_equal(got->console.ports[0].console, want->console.is_console);
	assert_string_equal(got->console.ports[0].name, want->console.port);
	assert_string_equal(got->console.ports[0].path, want->console.path);
}

static void check_net(const struct acrn_device *want, const struct dm_device *got)
{
	static const uint8_t mac[6] = { 0x02, 0x42, 0xac, 0x11, 0x00, 0x02 };

	assert_int_equal(got->kind, DM_NET);
	assert_true(got->net.open_tap);
	assert_string_equal(got->net.tap, want->net.ifname);
	assert_true(got->net.has_mac);
	assert_memory_equal(got->net.mac, mac, sizeof(mac));
}

static void check_device(const struct acrn_device *want, const struct dm_device *got)
{
	switch (want->kind) {
	case ACRN_DEVICE_BRIDGE:
		assert_int_equal(got->kind, DM_HOSTBRIDGE);
		break;
	case ACRN_DEVICE_LPC:
		assert_int_equal(got->kind, DM_LPC);
		break;
	case ACRN_DEVICE_CONSOLE:
		check_console(want, got);
		break;
	case ACRN_DEVICE_BLOCK:
		assert_int_equal(got->kind, DM_BLK);
		assert_int_equal(got->blk.nodisk, !want->block.path);
		if (want->block.path) {
			assert_string_equal(got->blk.path, want->block.path);
			assert_int_equal(got->blk.readonly, want->block.readonly);
		}
		break;
	case ACRN_DEVICE_NET:
		check_net(want, got);
		break;
	case ACRN_DEVICE_VSOCK:
		assert_int_equal(got->kind, DM_VSOCK);
		assert_int_equal(got->cid, want->vsock.cid);
		break;
	}
}

static void check_machine(const struct acrn_machine *want, struct dm_config *got)
{
	assert_string_equal(got->vmname, want->name);
	if (want->uuid)
		assert_string_equal(got->uuid, want->uuid);
	assert_true(got->memory >= (uint64_t)want->memory_mib << 20);
	assert_string_equal(got->kernel, want->kernel);
	assert_true(!got->ramdisk == !want->initrd);
	if (want->initrd)
		assert_string_equal(got->ramdisk, want->initrd);
	assert_string_equal(got->bootargs, want->params);
	if (want->control)
		assert_string_equal(got->cmd_monitor, want->control);
	if (want->affinity)
		assert_int_equal(dm_vcpus(got), strchr(want->affinity, ',') ? 2 : 1);
	assert_int_equal(got->acpi, want->profile->acpi_flag);
	assert_true(got->coms[0].named);
	assert_int_equal(got->n_devices, want->n_devices);
	for (uint32_t i = 0; i < want->n_devices; i++) {
		struct dm_device *device = dm_find_device(got, machine_slot(i), 0);

		assert_non_null(device);
		check_device(&want->devices[i], device);
	}
}

/* The machine as the device model understands it. */
static int read_back(const struct acrn_machine *machine, const char *release,
		     struct dm_config *config, struct error *err)
{
	auto_strvec struct strvec argv = { 0 };
	int ret = machine_argv(machine, &argv, err);

	if (ret < 0)
		return ret;
	*config = (struct dm_config){ .profile = dm_profile_find(release), .no_files = true };
	assert_int_equal(dm_parse(config, (int)argv.len, argv.items), DM_GO_ON);
	for (size_t i = 0; i < config->faults.len; i++)
		fail_msg("in silence: %s", config->faults.items[i]);
	return 0;
}

static void test_random_lists(void **state)
{
	struct dice dice = { .state = 0x9e3779b97f4a7c15 };
	static struct texts texts;
	struct acrn_machine machine;

	(void)state;
	for (unsigned i = 0; i < LISTS; i++) {
		struct dm_config config;
		struct error err = { 0 };

		random_machine(&dice, profile_find(pairs[i % PAIRS].profile), &texts, &machine);
		assert_int_equal(read_back(&machine, pairs[i % PAIRS].release, &config, &err), 0);
		check_machine(&machine, &config);
		dm_config_done(&config);
	}
}

/* Letters that mean something to the grammar, and words that do. */
static const char *nasty(struct dice *dice, struct texts *texts)
{
	static const char *const parts[] = { ",",	":",	"=",	   "@",	     "/",  "nodisk",
					     "ro",	"b,",	"tap=",	   "client", " ",  "a",
					     "socket:", "%s",	"server",  "\\",     "\"", "..",
					     "\t",	"mac=", "iothread" };
	char *text = texts->items[texts->n++];
	size_t len = roll(dice, 3) ? 1 : 0;
	unsigned n = 1 + roll(dice, 4);

	text[0] = '/';
	while (n-- > 0) {
		const char *part = parts[roll(dice, sizeof(parts) / sizeof(parts[0]))];

		memcpy(text + len, part, strlen(part));
		len += strlen(part);
	}
	text[len] = '\0';
	return text;
}

static struct acrn_device nasty_device(struct dice *dice, struct texts *texts)
{
	struct acrn_device device = { .kind = ACRN_DEVICE_BLOCK };

	if (roll(dice, 2)) {
		device.block.path = nasty(dice, texts);
		device.block.readonly = roll(dice, 2);
		return device;
	}
	device.kind = ACRN_DEVICE_CONSOLE;
	device.console.backend = ACRN_BACKEND_SOCKET;
	device.console.port = nasty(dice, texts);
	device.console.path = nasty(dice, texts);
	return device;
}

static void test_nasty_texts(void **state)
{
	struct dice dice = { .state = 0xd1b54a32d192ed03 };
	static struct texts texts;
	struct acrn_machine machine;
	unsigned refused = 0;

	(void)state;
	for (unsigned i = 0; i < TEXTS; i++) {
		struct dm_config config;
		struct acrn_device device;
		struct error err = { 0 };

		random_machine(&dice, profile_find(pairs[i % PAIRS].profile), &texts, &machine);
		machine.n_devices = 2;
		texts.n = 8;
		device = nasty_device(&dice, &texts);
		assert_int_equal(machine_add(&machine, &device, &err), 0);
		if (read_back(&machine, pairs[i % PAIRS].release, &config, &err) < 0) {
			refused++;
			continue;
		}
		check_machine(&machine, &config);
		dm_config_done(&config);
	}
	/* Both happen, else nothing was tested. */
	assert_in_range(refused, TEXTS / 10, TEXTS - TEXTS / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_lists),
		cmocka_unit_test(test_nasty_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
