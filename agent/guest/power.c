#include "agent/guest/power.h"

#include <sys/reboot.h>
#include <unistd.h>

void power_off(void)
{
	sync();
	(void)reboot(RB_POWER_OFF);
	/* no way to switch off here: a restart ends a machine that is run with "no reboot" */
	(void)reboot(RB_AUTOBOOT);
}
