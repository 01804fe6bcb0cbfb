/* The end of the virtual machine. */
#ifndef AGENT_GUEST_POWER_H
#define AGENT_GUEST_POWER_H

/* Writes everything back and switches off. Does not return unless the kernel refuses. */
void power_off(void);

#endif
