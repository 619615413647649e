/* Files: opened as what they must be, and judged by who else could change them.
 * Knows: owners, modes, access control lists, the folders and links on the way.  Must not know: what is in a file. */
#ifndef FT_BASE_FILE_H
#define FT_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Opens a regular file in folder (AT_FDCWD: of this process), flags as of open(2), mode with O_CREAT.  It waits for nobody (a
 * FIFO has no writer yet), becomes nobody's terminal, and is closed on exec.
 * Returns the descriptor, or -1 with errno: EISDIR a folder, EMEDIUMTYPE anything else that is no regular file. */
int ft_file_openat(int folder, const char *name, int flags, mode_t mode);
/* What is wrong where that failed with error, for people. */
const char *ft_file_error(int error);

enum ft_file_guard {
	FT_FILE_OBEYED, /* what stands there is done, or believed: nobody but root and this user may write there */
	FT_FILE_SECRET, /* nor read it */
};

/* Whether nobody but root and this user can change what path leads to: the file or folder itself, every folder above it, every
 * link on the way.  A folder that all may write to is none that they can do harm from if it is sticky (/tmp), unless it is the
 * one that is judged.  Where path leads to nothing, what there is of it is judged.
 * Returns NULL, or what is wrong and the command that mends it, as in "PATH TEXT"; valid until the next call. */
const char *ft_file_judge(const char *path, enum ft_file_guard guard);

/* From here on files are judged for another user than this process's: who only looks asks what an ftd that runs may obey. */
void ft_file_judge_for(uid_t user);

/* The access control list of a file that holds a secret, as the kernel keeps it (system.posix_acl_access): whether anybody but
 * the owner and user may get at it.  A list that is not understood says yes. */
bool ft_file_acl_opens(const void *acl, size_t size, uid_t user);

#endif
