/* What a QEMU is and how it was started and set up, as far as COLO minds: release, machine type, memory, capabilities.  Pure.
 * Knows: QEMU's words.  Must not know: connections, what of it is good or bad (supervisor/fitness.h). */
#ifndef FT_QMP_TRAITS_H
#define FT_QMP_TRAITS_H

#include "base/types.h"

#include <jansson.h>

struct ft_traits {
	struct ft_emulator emulator;
	bool capabilities_known;
	bool colo, return_path; /* migration capabilities */
	uint64_t memory;        /* the guest's, bytes, what was plugged in too; 0 not known */
};

/* What is to be asked.  It may be asked at any time, also of a QEMU that waits for its primary. */
enum ft_trait { FT_TRAIT_MACHINE, FT_TRAIT_CAPABILITIES, FT_TRAIT_MEMORY, FT_TRAIT_COUNT };
const char *ft_traits_command(enum ft_trait trait);
/* A new reference; NULL: none. */
json_t *ft_traits_arguments(enum ft_trait trait);

/* QEMU's greeting: what "QMP" stands before. */
void ft_traits_greet(struct ft_traits *t, const json_t *greeting);
/* reply: with "return", or "error", or NULL.  What is no answer changes nothing. */
void ft_traits_take(struct ft_traits *t, enum ft_trait trait, const json_t *reply);

#endif
