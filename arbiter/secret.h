/* Password files.
 * Knows: files, who may read a secret.  Must not know: what the password is for. */
#ifndef FT_ARBITER_SECRET_H
#define FT_ARBITER_SECRET_H

#include "arbiter/settings.h"

#include <sys/types.h>

/* The access control list of a file that holds a secret, as the kernel keeps it (system.posix_acl_access): whether anybody but
 * the owner and user may get at it.  A list that is not understood says yes. */
bool ft_secret_acl_opens(const void *acl, size_t size, uid_t user);
/* An open file: regular, of this user or root, and out of others' reach.  With an access control list the group's bits are
 * its mask, and no group has them: so a file is shown as 0440 that systemd's LoadCredential= lets this user alone read.
 * Returns NULL, or what is wrong and what to do; valid until the next call. */
const char *ft_secret_judge(int fd);

/* The first line of the file, without its line feed; the rest must be empty.  The file must be regular, belong to this
 * user or root, and be out of others' reach (mode 0600).  A byte-order mark before it and a carriage return behind it, as other
 * systems' editors leave them, are no part of it.
 * Returns NULL, or what is wrong and what to do, as in "PATH: TEXT"; valid until the next call. */
const char *ft_secret_read(const char *path, char out[FT_SETTING_MAX]);

#endif
