/*
 * One port of the guest, between QEMU's end and what the command line names: a socket, a terminal,
 * a file. It loses data where the original does: what nobody takes at once is gone, in both
 * directions.
 */
#ifndef TESTS_STANDINS_ACRN_RELAY_H
#define TESTS_STANDINS_ACRN_RELAY_H

#include <stdbool.h>
#include <stdint.h>
#include "base/loop.h"
#include "tests/standins/acrn/dm_parse.h"

struct relay {
	/* Set by the owner before relay_open(). */
	struct loop *loop;
	struct dm_config *cfg;
	const char *label; /* for faults */
	uint32_t loss;	   /* of 1000 pieces */
	uint64_t *random;  /* state shared by all relays: the order of losses is one sequence */
	bool guest_open;   /* what comes before the guest has opened the port is lost */
	/* Looks whether it is open after all: news of that may be a second late. May be NULL. */
	bool (*look)(void *arg, const struct relay *relay);
	void *look_arg;
	/* Private. */
	int listen_fd;
	int in_fd;	 /* from the host's side; -1: nobody */
	int out_fd;	 /* to it; may be in_fd */
	int replaced_fd; /* an earlier client that is still connected */
	int slave_fd;	 /* keeps a pseudo-terminal alive while nobody has it open */
	int vm_fd;	 /* our end of the pair */
	int qemu_fd;	 /* QEMU's, until it has been handed over */
};

/* Empty, so that relay_close() may be called. */
void relay_init(struct relay *relay);
/* Makes the pair of sockets towards QEMU, and watches our end. */
int relay_pair(struct relay *relay) must_check;
/* What a console's port names. Says why on stdout. 0 or -errno. */
int relay_open_port(struct relay *relay, const struct dm_port *port) must_check;
/* What -l names behind its port. */
int relay_open_com(struct relay *relay, const char *backend) must_check;
/* Closes everything; a socket's file stays where it is, as there. */
void relay_close(struct relay *relay);

/* Binds and listens as the device model does: removes what is at the path, cuts what is too long.
 */
int relay_listen(const char *path, int backlog) must_check;

#endif
