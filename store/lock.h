/* One ftd per pair and host: the lock on the state directory.
 * Knows: files.  Must not know: what the directory is for. */
#ifndef FT_STORE_LOCK_H
#define FT_STORE_LOCK_H

#include <stdbool.h>
#include <stdio.h>

/* Makes state_dir (mode 0700, parents too) if it is missing, and takes its lock, which holds until this process ends.
 * fresh: set to whether no ftd has ever held it.  Returns the descriptor to keep open, or -1 after a line to errors that
 * names the holder. */
int ft_lock_state_dir(const char *state_dir, bool *fresh, FILE *errors);

/* For who is no ftd: ends the hold, and leaves a fresh state_dir fresh. */
void ft_unlock_state_dir(int lock, bool fresh);

#endif
