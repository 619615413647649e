/* What stands in a register, and in a mark beside it.  A register: one line, "claimed by NAME at 2026-11-21T03:00:00Z".  Pure.
 * Knows: the line's form.  Must not know: where it is kept.  The time is for people; nothing is decided by it. */
#ifndef FT_ARBITER_ENTRY_H
#define FT_ARBITER_ENTRY_H

#include "base/types.h"

#include <time.h>

#define FT_ENTRY_MAX 128 /* with the NUL */

/* Writes the line, with its line feed; returns its length. */
size_t ft_entry_write(const char *name, struct timespec wall, char out[FT_ENTRY_MAX]);
/* Takes exactly such a line and nothing else: false if it is torn, longer, or not ftd's. */
bool ft_entry_read(const char *text, size_t len, char name[FT_NAME_MAX]);

/* A mark begins with "mark 0123456789abcdef" and "epoch 7", and tells people what it is.  Returns its length. */
size_t ft_mark_write(uint64_t mark, uint64_t epoch, char out[FT_ENTRY_MAX]);
/* 0: it is none, or one of an ftd that drew no numbers. */
uint64_t ft_mark_read(const char *text, size_t len);
/* The newest session that its writer knew; 0: none, or the mark is one of an ftd that told none. */
uint64_t ft_mark_epoch(const char *text, size_t len);

#endif
