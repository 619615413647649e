/* A name for a process that no other process ever has, on this host or after its next boot.
 * Knows: /proc.  Must not know: what it is used for. */
#ifndef FT_PROCESS_INSTANCE_H
#define FT_PROCESS_INSTANCE_H

#include <stdint.h>
#include <sys/types.h>

/* A hash of the boot, the process id and the time it was started at: the same from whoever asks, for as long as the process
 * exists.  0 if there is no such process or /proc does not tell.  sodium_init() must have been called. */
uint64_t ft_instance_of(pid_t pid);
/* The process of that name, 0 if it is no more. */
pid_t ft_instance_find(uint64_t instance);

#endif
