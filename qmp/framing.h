/* Cuts a QMP byte stream into JSON objects.  Pure, bounded memory.
 * Knows: where a JSON object begins and ends.  Must not know: sockets, what the objects mean.
 * Survives input that is split, merged, interleaved with white space, broken or too large: a too large or broken object
 * is reported once and skipped up to the next line feed (QMP ends every object with one), and the stream goes on. */
#ifndef FT_QMP_FRAMING_H
#define FT_QMP_FRAMING_H

#include <stdbool.h>
#include <stddef.h>

#define FT_FRAME_MAX   (4u << 20)   /* query-named-block-nodes of 100 disks is 1 MB */
#define FT_FRAME_SMALL (256u << 10) /* what is no such list is smaller: query-cpus-fast of 1024 processors is 190 KB */

enum ft_frame { FT_FRAME_OBJECT, FT_FRAME_OVERSIZED, FT_FRAME_BROKEN };

struct ft_framing; /* its buffer grows as needed up to max and shrinks again */

struct ft_framing *
ft_framing_new(size_t max); /* never NULL: out of memory aborts at start-up, as everywhere outside the hot path */
void ft_framing_free(struct ft_framing *f);
void ft_framing_reset(struct ft_framing *f); /* a new connection */
/* From here on, also for the object that is open; 0 < max. It limits the number of values, too. */
void ft_framing_limit(struct ft_framing *f, size_t max);
/* Feeds bytes; calls frame() for every complete object (text is not NUL-terminated, valid for the call) or fault (text is its first bytes). */
void ft_framing_feed(struct ft_framing *f, const char *data, size_t len,
                     void (*frame)(void *arg, enum ft_frame kind, const char *text, size_t len), void *arg);

#endif
