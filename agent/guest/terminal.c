#include "agent/guest/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "agent/guest/fail.h"
#include "base/cleanup.h"

static int mount_console(int number, struct error *err)
{
	char slave[32];
	auto_close int file =
		open("/dev/console", O_CREAT | O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0666);

	(void)snprintf(slave, sizeof(slave), "/dev/pts/%d", number);
	/* one that is there will do */
	if (file < 0 && errno != ENXIO && errno != ENODEV && errno != EROFS)
		return fail_set(err, -errno, "create \"/dev/console\"");
	if (mount(slave, "/dev/console", NULL, MS_BIND, NULL) < 0)
		return fail_set(err, -errno, "mounting \"%s\" on \"/dev/console\"", slave);
	return 0;
}

static int use_slave(int slave, struct error *err)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(slave, fd) < 0)
			return fail_set(err, -errno, "make the terminal descriptor %d", fd);
	if (ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0)
		return fail_set(err, -errno, "make the terminal the controlling one");
	return 0;
}

int terminal_open(uid_t uid, bool console, struct error *err)
{
	auto_close int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	auto_close int slave = -1;
	int unlock = 0;
	int number;
	int ret = 0;

	if (master < 0)
		master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0)
		return fail_set(err, -errno, "open \"/dev/ptmx\"");
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0 || ioctl(master, TIOCGPTN, &number) < 0)
		return fail_set(err, -errno, "unlock the terminal");
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return fail_set(err, -errno, "open the terminal's slave");
	if (fchown(slave, uid, (gid_t)-1) < 0 && errno != EROFS)
		return fail_set(err, -errno, "change the owner of the terminal");
	if (console)
		ret = mount_console(number, err);
	if (ret == 0)
		ret = use_slave(slave, err);
	return ret < 0 ? ret : take_fd(&master);
}

void terminal_end_lines_plainly(int master_fd)
{
	struct termios settings;

	if (tcgetattr(master_fd, &settings) < 0)
		return;
	settings.c_oflag &= ~(tcflag_t)ONLCR;
	(void)!tcsetattr(master_fd, TCSANOW, &settings);
}

int terminal_resize(int master_fd, uint32_t rows, uint32_t columns)
{
	struct winsize size = { .ws_row = rows > USHRT_MAX ? USHRT_MAX : (unsigned short)rows,
				.ws_col = columns > USHRT_MAX ? USHRT_MAX
							      : (unsigned short)columns };

	return ioctl(master_fd, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}
