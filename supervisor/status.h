/* `status` and `check` as JSON: what stands where, and whether a failover would work now.
 * Knows: the core's and the shells' read-only views.  Must not know: libevent, files, how the answer travels. */
#ifndef FT_SUPERVISOR_STATUS_H
#define FT_SUPERVISOR_STATUS_H

#include "core/core.h"
#include "heartbeat/hub.h"
#include "qmp/session.h"
#include "supervisor/exclusion.h"
#include "supervisor/fitness.h"

#include <jansson.h>
#include <time.h>

struct ft_status_source {
	const struct ft_config *config;
	const struct ft_core *core;
	const struct ft_hub *hub;
	const struct ft_qemu_view *qemu;
	const struct ft_plan *plan;     /* NULL: none prepared */
	const struct ft_doubts *doubts; /* NULL: as none */
	const struct ft_process *process;
	const struct ft_setup *setup;         /* of QEMU, for a check; NULL: not looked at */
	const struct ft_exclusion *exclusion; /* NULL: no arbiter */
	int64_t missed,
	    missed_at; /* this host's clocks stood still: for how long, and when that was found; FT_NEVER never */
	json_t *last_outcome; /* borrowed; NULL: none */
	int64_t now;
	struct timespec wall;
};

/* Whether leases are counted on a host that may be paused, and nothing switches off the one that was. */
bool ft_status_unfenced_guest(const struct ft_config *config);
#define FT_PAUSED_UNFENCED                                                                                             \
	"this host is itself a virtual machine: paused or moved, its clocks may stand still, and for up to an "        \
	"interval of "                                                                                                 \
	"heartbeats after it wakes its guest runs beside the one that took over; a fence closes that"

/* A new reference. The contract's "status --json". */
json_t *ft_status_json(const struct ft_status_source *s);
/* A new reference: {"checks":[{"name","result","detail","fix"}],"plan":[...]}. disk_error: "" if a test write went well.
 * arbiter_fault, arbiter_warning: of a test claim, "" none. */
json_t *ft_check_json(const struct ft_status_source *s, const char *disk_error, const char *arbiter_fault,
                      const char *arbiter_warning);

#endif
