/* Stopping a process that has a thread which cannot be stopped.
 * Knows: signals, /proc.  Must not know: why it is to stop.
 *
 * A SIGSTOP to a process is given to one of its threads, mostly the first, and only when that one takes it are the others
 * stopped.  A QEMU whose main thread hangs in the kernel, in a disk that does not answer, would go on running its guest in
 * all the others.  So each thread gets one of its own: whichever takes it first stops them all, and the one that hangs stops
 * before it comes back from the kernel.  SIGCONT takes back all of them. */
#ifndef FT_PROCESS_STOP_H
#define FT_PROCESS_STOP_H

#include "process/process.h"

/* 0, or -1 with errno; never waits. */
int ft_process_stop(const struct ft_process *p);

#endif
