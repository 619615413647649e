/* Text from outside, made fit to be shown.  Pure.
 * Knows: UTF-8, control characters.  Must not know: where the text came from or goes to. */
#ifndef FT_BASE_TEXT_H
#define FT_BASE_TEXT_H

#include <stddef.h>

/* Copies in to out with every control character written as an escape (\n, \r, \t, else \xNN; C1 ones too), so that it
 * stays one line and cannot steer a terminal.  Always ends out with a NUL; what does not fit is cut, at a whole escape, and
 * replaced by "...".  size: of out, at least 8.  Returns the length written. */
size_t ft_text_clean(char *out, size_t size, const char *in);

#endif
