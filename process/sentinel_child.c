/* See sentinel_child.h. */
#include "process/sentinel_child.h"

#include "base/clock.h"
#include "base/realtime.h"
#include "process/process.h"
#include "process/sentinel.h"
#include "process/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/watchdog.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define TICK_NS         (1000 * FT_NS_PER_MS) /* looks at least that often; the watchdog's meal time, too */
#define STOP_AGAIN_NS   (100 * FT_NS_PER_MS)
#define HOSTS_CGROUP_NS 0xeffffffbu        /* include/linux/proc_ns.h: PROC_CGROUP_INIT_INO */
#define EXACT_NS        (2 * FT_NS_PER_MS) /* slewed as far as can be, a timer is late by less than a tenth of that */

enum { SOCKET = 3, POKE, TOLD, SLOTS, FIRST_FREE };

struct guard {
	struct ft_sentinel_page *page;
	const char *watchdog_device; /* "" none */
	struct ft_process process;
	int timer;
	bool orphan; /* the parent is gone */
	bool froze;  /* the end of the present lease has been acted on, and told */
	int64_t
	    in_force;  /* the lease of this process that was in force when we looked last; FT_NEVER: none with an end */
	int64_t slept; /* what the host had, then */
	int watchdog;  /* -1: none, or not open yet */
	int64_t fed_at;
	char fed_with;
};

static void tell(void)
{
	/* A full counter means that the parent has not looked at an earlier one: nothing is lost. */
	(void)eventfd_write(TOLD, 1);
}

/* ---- settling in ---- */

static void keep_only(const struct ft_sentinel_ends *ends)
{
	/* First out of the way of the low numbers, then onto them. */
	int high[] = {ends->socket, ends->poke, ends->told, ends->slots};
	for (int i = 0; i < FIRST_FREE - SOCKET; i++)
		high[i] = fcntl(high[i], F_DUPFD, 64);
	/* Standard error as well: whoever reads it waits for its end, and we outlive ftd. */
	int null = open("/dev/null", O_RDWR);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(null, fd) < 0)
			_exit(1);
	for (int i = 0; i < FIRST_FREE - SOCKET; i++)
		if (dup2(high[i], SOCKET + i) < 0)
			_exit(1);
	close_range(FIRST_FREE, ~0u, 0);
}

/* What is refused for want of privileges is gone without. */
static void take_precautions(void)
{
	struct sched_param rr = {.sched_priority = FT_SENTINEL_PRIORITY};
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	prctl(PR_SET_NAME, "ftd-sentinel");
	(void)sched_setscheduler(0, SCHED_RR, &rr);
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);
	if (fd >= 0) {
		(void)!write(fd, "-1000", 5);
		close(fd);
	}
	ft_realtime_lock_own_code(); /* all would be 8 MB, most of it libraries that are never used here */
}

/* ---- the control group ---- */

/* A line of /proc/self/cgroup, "NUMBER:CONTROLLERS:PATH": what would stop or end us along with ftd. */
static bool binds(const char *line)
{
	const char *path = strrchr(line, ':');
	bool matters = strstr(line, "::") || strstr(line, ":freezer:") || strstr(line, ":name=systemd:");
	return path && matters && strncmp(path, ":/\n", 3) != 0;
}

/* All of the file, and whether any line of it binds us. */
static bool bound_by_a_group(void)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[4096];
	bool bound = f == NULL;
	while (f && fgets(line, sizeof(line), f))
		bound |= binds(line);
	if (f)
		fclose(f);
	return bound;
}

/* What looks like a root from inside of a container is a group that the host may freeze. */
static bool sees_the_hosts_groups(void)
{
	struct stat st;
	return stat("/proc/self/ns/cgroup", &st) == 0 && st.st_ino == HOSTS_CGROUP_NS;
}

/* Nobody can freeze the root, nor does a service manager kill it. */
static void leave_control_groups(struct ft_sentinel_page *page)
{
	static const char *const roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/freezer",
	                                    "/sys/fs/cgroup/systemd"};
	char path[64];
	for (size_t i = 0; bound_by_a_group() && i < sizeof(roots) / sizeof(roots[0]); i++) {
		snprintf(path, sizeof(path), "%s/cgroup.procs", roots[i]);
		int fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		(void)!write(fd, "0", 1);
		close(fd);
	}
	atomic_store(&page->apart, sees_the_hosts_groups() && !bound_by_a_group());
}

/* Takes a free byte for as long as we live. Returns 0 or an errno. */
static int take_slot(void)
{
	for (int slot = 0; slot < FT_SENTINEL_SLOTS; slot++) {
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = slot, .l_len = 1};
		if (fcntl(SLOTS, F_SETLK, &lock) == 0)
			return 0;
		if (errno != EACCES && errno != EAGAIN)
			return errno;
	}
	return EUSERS;
}

/* ---- the watchdog ---- */

static void watchdog_trouble(struct guard *g, int error)
{
	if (atomic_exchange(&g->page->watchdog_error, error) != error)
		tell();
}

/* ENOTTY: a stand-in.  Of any other the time is known that it takes to reset the host: set and perhaps rounded, or its own. */
static bool leaves_room(int fd)
{
	int seconds = FT_SENTINEL_WATCHDOG_S;
	bool set = ioctl(fd, WDIOC_SETTIMEOUT, &seconds) == 0;
	bool known = set || (errno != ENOTTY && ioctl(fd, WDIOC_GETTIMEOUT, &seconds) == 0);
	return !known || seconds >= FT_SENTINEL_WATCHDOG_S;
}

/* A device that a predecessor still holds is busy: tried again at each look. */
static void open_watchdog(struct guard *g)
{
	int fd = open(g->watchdog_device, O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		watchdog_trouble(g, errno);
		return;
	}
	if (!leaves_room(fd)) {
		watchdog_trouble(g, ERANGE);
		(void)!write(fd, "V", 1);
		close(fd);
		return;
	}
	g->watchdog = fd;
	watchdog_trouble(g, 0);
}

/* 'V' lets the device rest when it is closed, by our death too; any other byte does not. */
static void feed_watchdog(struct guard *g, int64_t lease, int64_t now)
{
	if (g->watchdog < 0 && g->watchdog_device[0] != '\0')
		open_watchdog(g);
	if (g->watchdog < 0)
		return;
	bool limited = g->process.pidfd >= 0 && lease != FT_NEVER, holds = now < lease;
	char food = limited && holds ? '\0' : 'V';
	if (food == g->fed_with && now - g->fed_at < TICK_NS)
		return;
	if (limited && !holds && !ft_process_stopped(&g->process) && !ft_process_dying(&g->process, NULL) &&
	    ft_process_alive(&g->process))
		return; /* a guest that will not stop: better no host than a second master */
	g->fed_at = now;
	g->fed_with = food;
	watchdog_trouble(g, write(g->watchdog, &food, 1) == 1 ? 0 : errno);
}

/* ---- the guard ---- */

static void freeze(struct guard *g, int64_t now, int64_t lease)
{
	int error = ft_process_stop(&g->process) == 0 ? 0 : errno;
	if (error == ESRCH)
		return; /* it has died: its pidfd says so next */
	/* Renewed while it fell: the SIGCONT that follows a renewal may have come before our SIGSTOP. */
	bool renewed = ft_clock_now() < atomic_load(&g->page->lease);
	bool news = !g->froze || renewed || error != atomic_load(&g->page->freeze_error);
	g->froze = true;
	if (!news)
		return;
	/* While the host slept QEMU did too. */
	int64_t late = now - lease - (ft_clock_slept() - g->slept);
	atomic_store(&g->page->late, lease >= g->in_force && late > 0 ? late : 0); /* else it was cut short */
	g->in_force = FT_NEVER;
	atomic_store(&g->page->freeze_error, error);
	atomic_store(&g->page->frozen_at, now);
	tell();
}

/* Judges the lease, and says when to look again. */
static int64_t look(struct guard *g)
{
	int64_t now = ft_clock_now(), lease = atomic_load(&g->page->lease);
	bool over = now >= lease;
	if (!over) {
		g->froze = false;
		g->in_force = g->process.pidfd >= 0 ? lease : FT_NEVER;
		g->slept = ft_clock_slept();
	} else if (g->process.pidfd >= 0) {
		freeze(g, now, lease);
	}
	feed_watchdog(g, lease, now);
	int64_t next = now + (over ? STOP_AGAIN_NS : TICK_NS);
	return !over && lease < next ? lease : next;
}

static void forget(struct guard *g)
{
	ft_process_close(&g->process);
	g->froze = false;
	g->in_force = FT_NEVER;
}

/* Receives a request and the pidfd that may come with it. False: the parent is gone. */
static bool receive(struct ft_sentinel_request *request, int *pidfd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {.iov_base = request, .iov_len = sizeof(*request)};
	struct msghdr message = {
	    .msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control),
	};
	*pidfd = -1;
	ssize_t n = recvmsg(SOCKET, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n != (ssize_t)sizeof(*request))
		return false;
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(pidfd, CMSG_DATA(c), sizeof(*pidfd));
	return true;
}

static void answer(uint32_t number, int error)
{
	struct ft_sentinel_reply reply = {.number = number, .error = error};
	/* A parent that is gone is seen at the next look. */
	(void)send(SOCKET, &reply, sizeof(reply), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static noreturn void leave(struct guard *g)
{
	if (g->watchdog >= 0)
		(void)!write(g->watchdog, "V", 1);
	_exit(0);
}

static void obey(struct guard *g)
{
	struct ft_sentinel_request request;
	int pidfd;
	if (!receive(&request, &pidfd)) {
		g->orphan = true;
		return;
	}
	if (request.op == FT_SENTINEL_DISMISS)
		leave(g);
	forget(g);
	if (request.pid != 0)
		g->process = (struct ft_process){.pid = request.pid, .pidfd = pidfd};
	look(g); /* what is already over ends before we say that we are on guard */
	answer(request.number, request.pid != 0 && pidfd < 0 ? EBADF : 0);
}

/* The kernel's clock, by which a timer counts, may be slewed at any time, and we must not be late for it: so we look again when
 * seven eighths of the time have passed. */
static void sleep_until(struct guard *g, int64_t at)
{
	int64_t left = at - ft_clock_now();
	struct itimerspec when = ft_clock_timer(left > EXACT_NS ? at - left / 8 : at);
	if (timerfd_settime(g->timer, TFD_TIMER_ABSTIME, &when, NULL) != 0)
		_exit(1);
}

static void stand_guard(struct guard *g)
{
	sleep_until(g, look(g));
	/* Negative descriptors are passed over. */
	struct pollfd on[] = {
	    {.fd = g->timer, .events = POLLIN},
	    {.fd = POKE, .events = POLLIN},
	    {.fd = g->process.pidfd, .events = POLLIN},
	    {.fd = g->orphan ? -1 : SOCKET, .events = POLLIN},
	};
	eventfd_t count;
	if (poll(on, sizeof(on) / sizeof(on[0]), -1) < 0)
		return;
	if (on[1].revents)
		(void)eventfd_read(POKE, &count);
	if (on[2].revents)
		forget(g);
	if (on[3].revents)
		obey(g);
}

noreturn void ft_sentinel_child(struct ft_sentinel_page *page, const struct ft_sentinel_ends *ends,
                                const char *watchdog_device)
{
	struct guard g = {
	    .page = page,
	    .watchdog_device = watchdog_device,
	    .process = FT_PROCESS_NONE,
	    .watchdog = -1,
	    .in_force = FT_NEVER,
	};
	keep_only(ends);
	take_precautions();
	leave_control_groups(page);
	int error = take_slot();
	g.timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (error == 0 && g.timer < 0)
		error = errno;
	if (chdir("/") != 0 && error == 0)
		error = errno;
	look(&g);
	answer(0, error);
	if (error != 0)
		_exit(1);
	while (!g.orphan || g.process.pidfd >= 0)
		stand_guard(&g);
	leave(&g);
}
