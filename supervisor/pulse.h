/* Whether the clocks of this host have stood still.
 * A host that is itself a virtual machine can be paused, or moved to another machine, and its clocks stand still with it: a
 * right to run that is counted by them is older than they say, and the peer may have taken over meanwhile.  Nothing inside can
 * prevent that its guest runs on when it wakes; but it can be noticed, by what did not stand still: the processor's own
 * counter, or the wall clock that somebody has set right since.
 * Knows: the processor, the clocks.  Must not know: what follows. */
#ifndef FT_SUPERVISOR_PULSE_H
#define FT_SUPERVISOR_PULSE_H

#include <stdbool.h>
#include <stdint.h>

struct ft_pulse_reading {
	int64_t now;    /* ft_clock_now() */
	int64_t wall;   /* CLOCK_REALTIME, ns */
	uint64_t ticks; /* of the processor's counter; 0: there is none that can be relied on */
	int64_t within; /* ns, that it took to read all: who is interrupted meanwhile has readings of different times */
};

struct ft_pulse {
	struct ft_pulse_reading last; /* .now 0: none yet */
	struct ft_pulse_reading base; /* the rate of the counter is measured from here */
	double per_ns;                /* that rate; 0 not known yet */
};

/* For how long, ns, at least, the clock that `now` is of must have stood still since the last reading; 0: it has not.  Pure.
 * Slewing, and a counter that runs by up to an eighth faster, are no sign. */
int64_t ft_pulse_missed(struct ft_pulse *p, const struct ft_pulse_reading *r);
/* Reads the clocks.  Cheap: no system call. */
struct ft_pulse_reading ft_pulse_read(void);
/* The hypervisor under this host, for people, "unknown" if it does not tell its name; NULL: there is none.  Asked once, kept. */
const char *ft_pulse_hypervisor(void);

#endif
