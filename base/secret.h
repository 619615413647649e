/* Password files.
 * Knows: files, who may read a secret.  Must not know: what the password is for. */
#ifndef FT_BASE_SECRET_H
#define FT_BASE_SECRET_H

#include "base/types.h"

/* The first line of the file, without its line feed; the rest must be empty.  The file must be regular, and out
 * of others' reach (FT_FILE_SECRET in base/file.h).  A byte-order mark before it and a carriage return behind it, as other
 * systems' editors leave them, are no part of it.
 * Returns NULL, or what is wrong and what to do, as in "PATH: TEXT"; valid until the next call. */
const char *ft_secret_read(const char *path, char out[FT_SETTING_MAX]);

#endif
