/* ftd as process 1 of a container: somebody must reap the orphans that end up with it (of hooks, of a QEMU that daemonizes),
 * or their zombies fill the container's process table.
 * Knows: fork, wait, signals.  Must not know: what ftd does. */
#ifndef FT_SUPERVISOR_INIT_H
#define FT_SUPERVISOR_INIT_H

/* Returns at once unless this is process 1.  Else it returns in a child, which is to be ftd; process 1 itself passes on
 * SIGTERM, SIGINT, SIGHUP and SIGUSR1, reaps whatever ends, and exits as the child has, with 128 and the signal's number if that
 * was killed.  The child dies with it.  These signals must be blocked when it is called. */
void ft_init_be_two(void);

#endif
