/* See fitness.h.  What is said here of QEMU was seen on real ones, or stands in QEMU's own history of changes: docs/qemu.md. */
#include "supervisor/fitness.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* QEMU counts what is on the way to 9.1 as 9.0.50 and more. */
#define VERSION(major, minor, micro) ((unsigned)(major) << 16 | (unsigned)(minor) << 8 | (unsigned)(micro))
#define LAST_MICRO                   49
#define RETURN_PATH_SINCE            VERSION(11, 0, 0)
#define BOTH_SIDES_SINCE             VERSION(10, 0, 0)
#define RESET_SINCE                  VERSION(11, 0, 0)

static const struct release {
	unsigned first, last;
	const char *what, *fix;
} releases[] = {
    {VERSION(8, 2, 0), VERSION(9, 0, LAST_MICRO),
     "as a secondary it is ended by an assertion of its block layer (bdrv_graph_rdlock_main_loop) unless its build has "
     "the mend of May 2024",
     "use 7.2, 10.0.7 and later of 10.0, or 11.1 on both hosts"},
    {VERSION(10, 0, 0), VERSION(10, 0, 6),
     "it cannot do COLO: the migration ends as an ordinary one, and the guest stays stopped (postmigrate)",
     "use 10.0.7 or later of 10.0, or 11.1, on both hosts"},
    {VERSION(10, 1, 0), VERSION(10, 1, LAST_MICRO),
     "it cannot do COLO: the migration ends as an ordinary one, and the guest stays stopped (postmigrate)",
     "use 10.0.7 or later of 10.0, or 11.1, on both hosts"},
};

static unsigned number(const struct ft_emulator *e)
{
	return VERSION(e->major, e->minor, e->micro);
}

static void say(struct ft_finding *f, const char *result, const char *fix, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void say(struct ft_finding *f, const char *result, const char *fix, const char *format, ...)
{
	va_list args;
	f->result = result;
	f->fix = fix;
	va_start(args, format);
	vsnprintf(f->detail, sizeof f->detail, format, args);
	va_end(args);
}

static const struct release *known_bad(const struct ft_emulator *e)
{
	for (size_t i = 0; i < sizeof releases / sizeof releases[0]; i++)
		if (number(e) >= releases[i].first && number(e) <= releases[i].last)
			return &releases[i];
	return NULL;
}

/* Of both sides, since each is the secondary in its turn.  That it is in COLO says more than its number. */
static bool judge_release(const struct ft_setup *s, struct ft_finding *f)
{
	const struct ft_emulator *e = &s->traits.emulator, *p = &s->peer;
	const struct release *ours = known_bad(e), *bad = ours ? ours : known_bad(p);
	if (!ft_emulator_known(e))
		return false;
	const struct ft_emulator *who = ours ? e : p;
	if (!bad)
		say(f, "ok", "", "nothing is known against COLO with QEMU %d.%d.%d", e->major, e->minor, e->micro);
	else if (s->role == FT_ROLE_NONE)
		say(f, "FAIL", bad->fix, "QEMU %d.%d.%d%s: %s", who->major, who->minor, who->micro,
		    ours ? "" : " of the peer", bad->what);
	else
		say(f, "warn", bad->fix, "QEMU %d.%d.%d%s is in COLO all the same; of this release it is known: %s",
		    who->major, who->minor, who->micro, ours ? "" : " of the peer", bad->what);
	return true;
}

/* In COLO it is too late for these to matter: they are read when the migration begins. */
static bool judge_capabilities(const struct ft_setup *s, struct ft_finding *f)
{
	const struct ft_traits *t = &s->traits;
	unsigned version = number(&t->emulator);
	if (!t->capabilities_known || s->role != FT_ROLE_NONE || !ft_emulator_known(&t->emulator))
		return false;
	if (t->return_path && version < RETURN_PATH_SINCE)
		say(f, "FAIL", "migrate-set-capabilities return-path false, on both hosts",
		    "return-path is on: before QEMU 11.0 COLO's migration breaks with it (\"Received invalid "
		    "message\")");
	else if (s->incoming && !t->colo && version >= BOTH_SIDES_SINCE)
		say(f, "FAIL", "migrate-set-capabilities x-colo true, here too, before the primary migrates",
		    "this secondary waits without x-colo: since QEMU 10.0 the migration ends it so, or leaves both "
		    "guests stopped");
	else
		say(f, "ok", "", "x-colo %s, return-path %s", t->colo ? "on" : "off", t->return_path ? "on" : "off");
	return true;
}

static bool judge_machine(const struct ft_setup *s, struct ft_finding *f)
{
	const struct ft_emulator *e = &s->traits.emulator;
	if (!ft_emulator_known(e) || !e->machine[0])
		return false;
	if (strncmp(e->machine, "pc-q35", 6) == 0 && number(e) < RESET_SINCE)
		say(f, "warn", "use a machine of type pc (i440fx), or QEMU 11.1, on both hosts",
		    "%s: before QEMU 11.0 devices are not reset before each checkpoint is loaded, which can end a "
		    "secondary of type q35",
		    e->machine);
	else
		say(f, "ok", "", "%s", e->machine);
	return true;
}

/* The releases that want return-path, and those that break with it. */
static bool of_two_kinds(const struct ft_emulator *a, const struct ft_emulator *b)
{
	return (number(a) < RETURN_PATH_SINCE) != (number(b) < RETURN_PATH_SINCE);
}

static bool judge_both(const struct ft_setup *s, struct ft_finding *f)
{
	const struct ft_emulator *e = &s->traits.emulator, *p = &s->peer;
	if (!ft_emulator_known(e) || !ft_emulator_known(p))
		return false;
	if (e->machine[0] && p->machine[0] && strcmp(e->machine, p->machine) != 0)
		say(f, "FAIL", "start both with the same -machine, named with its version",
		    "the machine is %s here and %s at the peer: a guest's state of the one is not understood by the "
		    "other, so the migration fails",
		    e->machine, p->machine);
	else if (of_two_kinds(e, p))
		say(f, "FAIL", "use the same QEMU on both hosts",
		    "QEMU is %d.%d.%d here and %d.%d.%d at the peer: the newer needs return-path, and the older breaks "
		    "with it",
		    e->major, e->minor, e->micro, p->major, p->minor, p->micro);
	else if (e->major != p->major || e->minor != p->minor)
		say(f, "warn", "use the same QEMU on both hosts",
		    "QEMU is %d.%d.%d here and %d.%d.%d at the peer: COLO was seen to work between 7.2 and 10.0 "
		    "alone, with the same machine type, and is not tested",
		    e->major, e->minor, e->micro, p->major, p->minor, p->micro);
	else
		say(f, "ok", "", "QEMU %d.%d and the same machine type on both hosts", e->major, e->minor);
	return true;
}

static bool judge_vhost(const struct ft_setup *s, struct ft_finding *f)
{
	if (s->vhost < 0)
		return false;
	if (s->vhost > 0)
		say(f, "FAIL", "start QEMU with vhost=off for every NIC",
		    "a NIC has vhost=on (QEMU has /dev/vhost-net open): its packets pass COLO's filters by, and go out "
		    "even while QEMU is frozen");
	else
		say(f, "ok", "", "no NIC has vhost=on");
	return true;
}

static double mib(uint64_t bytes)
{
	return (double)bytes / (1 << 20);
}

/* What it holds already need not be free. */
static bool judge_memory(const struct ft_setup *s, struct ft_finding *f)
{
	uint64_t needed = 2 * s->traits.memory, room = s->memory_free + s->memory_held;
	bool secondary = s->role == FT_ROLE_SECONDARY || (s->role == FT_ROLE_NONE && s->incoming);
	if (!secondary || needed == 0 || s->memory_free == 0)
		return false;
	if (room < needed)
		say(f, "warn", "free memory on this host, or give the guest less",
		    "a secondary holds the guest's memory twice: up to %.0f MiB, and there is room for %.0f MiB; the "
		    "kernel may end it, or another program, for want of memory",
		    mib(needed), mib(room));
	else
		say(f, "ok", "", "room for %.0f MiB, of which the secondary needs up to %.0f MiB", mib(room),
		    mib(needed));
	return true;
}

int ft_fitness_judge(const struct ft_setup *s, struct ft_finding out[FT_FINDINGS_MAX])
{
	static const struct rule {
		const char *name;
		bool (*judge)(const struct ft_setup *s, struct ft_finding *f);
	} rules[] = {
	    {"release", judge_release}, {"capability", judge_capabilities},
	    {"machine", judge_machine}, {"both QEMU", judge_both},
	    {"vhost", judge_vhost},     {"memory", judge_memory},
	};
	_Static_assert(sizeof rules / sizeof rules[0] <= FT_FINDINGS_MAX, "room for one finding a rule");
	int n = 0;
	for (size_t i = 0; s->answers && i < sizeof rules / sizeof rules[0]; i++)
		if (rules[i].judge(s, &out[n]))
			out[n++].name = rules[i].name;
	return n;
}
