/* See pulse.h. */
#include "supervisor/pulse.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#include <x86intrin.h>
#define HAVE_COUNTER
#endif

#define MS INT64_C(1000000)
#define LEAST                                                                                                          \
	(10 * MS)    /* what is missed below that is in the guard, or came of being interrupted between two readings */
#define PARTS      8 /* ... and one part of so many of the time that has passed */
#define RATE_AFTER (200 * MS)  /* the rate of the counter is measured over that long, at least */
#define RATE_ANEW  (5000 * MS) /* ... and then again, as it may drift */

static int64_t excess(int64_t other, int64_t passed, int64_t unsure)
{
	int64_t more = other - passed;
	return more > LEAST + passed / PARTS + unsure ? more : 0;
}

/* What the counter says has passed since the last reading, in ns; as much as passed where it can tell nothing. */
static int64_t counted(const struct ft_pulse *p, const struct ft_pulse_reading *r, int64_t passed)
{
	if (p->per_ns == 0 || r->ticks == 0 || r->ticks < p->last.ticks)
		return passed;
	return (int64_t)((double)(r->ticks - p->last.ticks) / p->per_ns);
}

static void measure(struct ft_pulse *p, const struct ft_pulse_reading *r)
{
	int64_t passed = r->now - p->base.now;
	bool anew = p->base.now == 0 || r->ticks == 0 || r->ticks <= p->base.ticks;
	if (!anew && passed >= RATE_AFTER && (p->per_ns == 0 || passed >= RATE_ANEW)) {
		p->per_ns = (double)(r->ticks - p->base.ticks) / (double)passed;
		anew = true;
	}
	if (anew)
		p->base = *r;
}

int64_t ft_pulse_missed(struct ft_pulse *p, const struct ft_pulse_reading *r)
{
	int64_t passed = r->now - p->last.now, unsure = r->within + p->last.within, missed = 0;
	if (p->last.now != 0) {
		int64_t by_counter = excess(counted(p, r, passed), passed, unsure);
		int64_t by_wall = excess(r->wall - p->last.wall, passed, unsure);
		missed = by_counter > by_wall ? by_counter : by_wall;
	}
	if (missed > 0) { /* on another machine the counter may have another rate */
		p->per_ns = 0;
		p->base = (struct ft_pulse_reading){0};
	}
	p->last = *r;
	measure(p, r);
	return missed;
}

struct ft_pulse_reading ft_pulse_read(void)
{
	struct ft_pulse_reading r = {.now = ft_clock_now()};
	struct timespec wall = ft_clock_wall();
#ifdef HAVE_COUNTER
	r.ticks = __rdtsc();
#endif
	r.wall = (int64_t)wall.tv_sec * 1000 * MS + wall.tv_nsec;
	r.within = ft_clock_now() - r.now;
	return r;
}

#ifdef HAVE_COUNTER
/* The processor says so, and its hypervisor mostly says who it is. */
static const char *ask_processor(void)
{
	static char name[13];
	unsigned a, b, c, d;
	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 31 & 1))
		return NULL;
	__cpuid(0x40000000, a, b, c, d);
	memcpy(name, &b, 4);
	memcpy(name + 4, &c, 4);
	memcpy(name + 8, &d, 4);
	for (char *p = name; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return name[0] ? name : "unknown";
}
#else
static const char *ask_processor(void)
{
	return NULL;
}
#endif

/* Where the processor does not say: what the firmware, or the kernel, calls this machine. */
static const char *ask_firmware(void)
{
	static const char *const files[] = {"/sys/hypervisor/type", "/sys/class/dmi/id/sys_vendor",
	                                    "/sys/class/dmi/id/product_name",
	                                    "/proc/device-tree/hypervisor/compatible"};
	static const char *const makers[] = {"QEMU",      "KVM",     "VMware",   "Xen",        "VirtualBox",
	                                     "innotek",   "Bochs",   "BHYVE",    "Amazon EC2", "Google Compute",
	                                     "OpenStack", "Nutanix", "linux,kvm"};
	char text[128] = "";
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		FILE *f = fopen(files[i], "re");
		size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
		if (f)
			fclose(f);
		text[n] = '\0';
		for (size_t k = 0; k < sizeof makers / sizeof makers[0]; k++)
			if (strcasestr(text, makers[k]))
				return makers[k];
	}
	return NULL;
}

const char *ft_pulse_hypervisor(void)
{
	static const char *name;
	static bool asked;
	if (!asked) {
		name = ask_processor();
		if (!name)
			name = ask_firmware();
	}
	asked = true;
	return name;
}
