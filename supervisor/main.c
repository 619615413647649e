/* ftd: arguments, configuration, lock, then the daemon's loop.
 * Exit: 0 asked to stop, 1 run-time fault, 2 usage or config. */
#include "base/log.h"
#include "base/realtime.h"
#include "process/process.h"
#include "store/lock.h"
#include "supervisor/daemon.h"
#include "supervisor/init.h"
#include "supervisor/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void usage(FILE *out)
{
	fputs("usage: ftd -c FILE [--check-config]\n"
	      "       ftd --version | --help\n"
	      "\n"
	      "Supervises one side of a QEMU COLO pair, in the foreground.\n"
	      "\n"
	      "  -c, --config FILE   the configuration, see ft.conf(5)\n"
	      "      --check-config  judge the configuration and exit: 0 good, 2 faults\n"
	      "\n"
	      "Signals: SIGUSR1 force failover, SIGHUP reload, SIGTERM or SIGINT leave.\n",
	      out);
}

struct options {
	const char *config;
	bool check;
};

/* Returns -1 to go on, or the exit code. */
static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"check-config", no_argument, NULL, 'k'},
	    {"version", no_argument, NULL, 'V'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	for (int c; (c = getopt_long(argc, argv, "c:Vh", longs, NULL)) != -1;)
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 'k':
			o->check = true;
			break;
		case 'V':
			puts("ftd " FT_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	if (o->config && optind == argc)
		return -1;
	fprintf(stderr, "ftd: %s\n", o->config ? "unexpected argument" : "-c FILE is missing");
	usage(stderr);
	return 2;
}

#define LARGE (64 * 1024)

/* Descriptors 0 to 2 must be taken, or a socket of ours would become standard error. */
static void settle_process(void)
{
	int fd;
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
	umask(077);
	/* Said once, this stays; else glibc raises it with every large buffer that is freed, and keeps more and more of what
	 * is freed. */
	(void)mallopt(M_MMAP_THRESHOLD, LARGE);
	(void)mallopt(M_TRIM_THRESHOLD, LARGE);
	signal(SIGPIPE, SIG_IGN);
	/* A signal that comes before the loop is ready waits for it instead of ending us. */
	sigset_t ours;
	sigemptyset(&ours);
	sigaddset(&ours, SIGUSR1);
	sigaddset(&ours, SIGHUP);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGINT);
	sigprocmask(SIG_BLOCK, &ours, NULL);
}

static void open_to_signals(void)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int main(int argc, char **argv)
{
	struct options o = {0};
	int code = parse(argc, argv, &o);
	if (code >= 0)
		return code;
	settle_process();
	if (!o.check)
		ft_init_be_two();
	if (ft_process_try(stderr) != 0)
		return 1;
	ft_log_init("ftd");
	struct ft_config *config = ft_config_load(o.config, stderr);
	if (!config)
		return 2;
	if (o.check) {
		printf("%s: good\n", o.config);
		ft_config_free(config);
		return 0;
	}
	ft_log_context(config->pair, config->node);
	ft_log_level(config->log_level);
	bool fresh = false;
	int lock = ft_lock_state_dir(config->state_dir, &fresh, stderr);
	if (lock < 0) {
		ft_config_free(config);
		return 1;
	}
	/* Before the children are forked: they are to be ordinary again, but for the sentinel. */
	if (config->realtime && ft_realtime_begin(stderr) != 0) {
		ft_config_free(config);
		return 1;
	}
	if (ft_privilege_shrink() != 0)
		ft_log(FT_LOG_WARN, "main", "cannot give up what ftd does not need: %s", strerror(errno));
	struct ft_daemon *d = ft_daemon_new(config, fresh, stderr);
	if (!d)
		return 1;
	open_to_signals();
	code = ft_daemon_run(d);
	ft_daemon_free(d);
	close(lock);
	return code;
}
