/* acrun-agent: PID 1 of the virtual machine. Under the name "modprobe" it is what the kernel loads
 * modules with. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/guest/dispatch.h"
#include "agent/guest/events.h"
#include "agent/guest/guest.h"
#include "agent/guest/init.h"
#include "agent/guest/modules.h"
#include "agent/guest/power.h"
#include "agent/guest/reaper.h"
#include "agent/guest/slots.h"
#include "agent/guest/worker.h"
#include "agent/proto/hyperstart.h"
#include "base/cleanup.h"
#include "base/log.h"

enum { BIG_BLOCK = 32 << 10 }; /* bytes; larger ones go back to the kernel when released */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Nothing can be told to the host: leave a line on the console and switch off. */
static _Noreturn void give_up(const char *what, const char *why)
{
	log_error("cannot start: %s: %s", what, why);
	power_off();
	for (;;)
		(void)pause();
}

/* The kernel hands AGENT_LINK=1 on its command line to us: the channels lose bytes. */
static bool is_link_wanted(void)
{
	const char *value = getenv("AGENT_LINK");

	return value && strcmp(value, "1") == 0;
}

static void open_channel(struct guest *guest, struct channel *ch, const char *port)
{
	int fd = init_open_port(port);
	int ret = fd;

	ch->loop = guest->loop;
	ch->arg = guest;
	ch->acknowledged = is_link_wanted();
	if (fd >= 0)
		ret = channel_start(ch, fd);
	if (ret < 0)
		give_up(port, strerror(-ret));
}

static int load_late(void *arg, struct error *err)
{
	(void)arg;
	(void)err;
	modules_load_list("late.list");
	return 0;
}

static void on_settled(struct guest *guest, void *arg, const struct error *err)
{
	struct slot *slot = guest->settle_slot;

	(void)arg;
	(void)err;
	guest->settled = true;
	guest->settle_slot = NULL;
	if (slot)
		slot_ack(slot, NULL, 0);
}

/* What can wait until the host knows that we are there. */
static void on_idle(void *arg)
{
	struct guest *guest = arg;
	struct error err;

	init_late();
	if (worker_start(guest, load_late, on_settled, guest, &err) < 0) {
		log_warning("%s", err.text);
		guest->settled = true;
	}
	guest->up = true;
	dispatch_wake(guest);
}

/* The allocator would learn from the first burst to keep that much for good. */
static void keep_little_memory(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, BIG_BLOCK);
	(void)mallopt(M_TRIM_THRESHOLD, BIG_BLOCK);
}

static _Noreturn void serve(void)
{
	struct channel ctl = {
		.length_at = 4,
		.in.max = CTL_FRAME_MAX + (1 << 20),
		.events = &dispatch_ctl_events,
	};
	struct channel tty = {
		.length_at = 8,
		.keep_output = true,
		.events = &dispatch_tty_events,
	};
	struct guest guest = { .ctl = &ctl, .tty = &tty };
	struct error err = { 0 };
	int ret;

	keep_little_memory();
	if (init_early(&err) < 0)
		give_up("init", err.text);
	guest.events = events_new();
	guest.loop = loop_new();
	if (!guest.loop)
		give_up("event loop", strerror(ENOMEM));
	ret = reaper_start(&guest);
	if (ret < 0)
		give_up("signals", strerror(-ret));
	open_channel(&guest, &tty, HYPER_CHANNEL_TTY);
	open_channel(&guest, &ctl, HYPER_CHANNEL_CTL);
	/* in the loop's first round, READY goes out; then comes this */
	ret = loop_add_timer(guest.loop, 1, on_idle, &guest);
	if (ret < 0)
		give_up("timer", strerror(-ret));
	for (;;) {
		ret = loop_run(guest.loop);
		log_error("event loop: %s", strerror(ret < 0 ? -ret : EIO));
		(void)poll(NULL, 0, 1000);
	}
}

int main(int argc, char **argv)
{
	if (argc > 0 && strcmp(base_name(argv[0]), "modprobe") == 0)
		return modules_modprobe(argc, argv);
	if (getpid() != 1) {
		log_error(
			"this program is the first process of a virtual machine; it does nothing elsewhere");
		return EXIT_FAILURE;
	}
	serve();
}
