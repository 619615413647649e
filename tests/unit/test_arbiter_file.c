/* The file arbiter: one winner, however many race, die or come again; and a storage that stalls holds nobody up. */
#include "arbiter/register.h"
#include "base/child.h"
#include "base/clock.h"
#include "tests/arbiter/ask.h"
#include "tests/arbiter/no_process.h"
#include "tests/arbiter/race.h"
#include "tests/unit/skip.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];
static struct event_base *base;
static struct ft_arbiter *arbiter;

static struct ft_arbiter_settings settings_for(const char *path, int timeout_ms)
{
	struct ft_arbiter_settings s = {
	    .type = FT_ARBITER_FILE, .timeout_ms = timeout_ms, .pair = "vm1", .node = "alpha", .peer = "beta"};
	snprintf(s.path, sizeof(s.path), "%s", path);
	return s;
}

static struct ft_register_place place(void)
{
	return (struct ft_register_place){.path = dir, .pair = "vm1", .node = "alpha", .peer = "beta"};
}

static void write_file(const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
}

static void make_dir(const char *where)
{
	snprintf(dir, sizeof(dir), "%s/ftd-test-arbiter.XXXXXX", where);
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

/* A folder that both nodes have been in. */
static void leave_marks(void)
{
	write_file("vm1@alpha", "");
	write_file("vm1@beta", "");
}

static void make_shared_dir(const char *where)
{
	make_dir(where);
	leave_marks();
}

static void set_up(void)
{
	make_shared_dir("/tmp");
	base = event_base_new();
	struct ft_arbiter_settings s = settings_for(dir, LONG_MS);
	arbiter = ft_arbiter_new(base, &s, stderr);
	ck_assert_ptr_nonnull(arbiter);
}

static void tear_down(void)
{
	ft_arbiter_free(arbiter);
	event_base_free(base);
	shell("rm -rf %s", dir);
}

static const char *key_of(int number)
{
	static char hex[2 * FT_SESSION_BYTES + 1];
	return sodium_bin2hex(hex, sizeof(hex), session(number), FT_SESSION_BYTES);
}

static struct heard claim(int number, const char *name)
{
	return ask_claim(base, arbiter, number, name);
}

static struct heard look(int number)
{
	return ask_who(base, arbiter, number);
}

static struct heard check(void)
{
	return ask_check(base, arbiter);
}

static int files_in(const char *pattern)
{
	char command[256];
	int n = -1;
	snprintf(command, sizeof(command), "find %s -mindepth 1 -name '%s' | wc -l", dir, pattern);
	FILE *f = popen(command, "r");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%d", &n), 1);
	pclose(f);
	return n;
}

static void turn_loop(int ms)
{
	struct timeval in = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	event_base_loopexit(base, &in);
	event_base_dispatch(base);
}

static void await_reserve(void)
{
	for (int64_t end = ft_clock_now() + LONG_MS * FT_NS_PER_MS;
	     !ft_arbiter_reserved(arbiter) && ft_clock_now() < end;)
		turn_loop(5);
	ck_assert(ft_arbiter_reserved(arbiter));
}

/* The peer has died, and a hook, or whoever shares the limit, has taken the last process.  What does the claim was there
 * before; it is so again as soon as a process can be had, whatever has become of it. */
START_TEST(a_claim_works_where_no_process_can_be_had)
{
	ft_arbiter_reserve(arbiter);
	ft_arbiter_meet(arbiter, "gamma"); /* it was forked before the peer had told its name */
	write_file("vm1@gamma", "");
	ck_assert(ft_arbiter_reserved(arbiter));
	no_process = true;
	struct heard h = check(); /* takes another one */
	assert_says(h.error, "cannot start a process");
	h = look(1);
	assert_says(h.error, "cannot start a process");
	h = claim(1, "alpha");
	ck_assert_int_eq(h.claim, FT_CLAIM_WON);
	ck_assert(!ft_arbiter_reserved(arbiter));
	turn_loop(300);
	ck_assert(!ft_arbiter_reserved(arbiter));
	no_process = false;
	await_reserve();
	no_process = true;
	h = claim(2, "beta");
	ck_assert_int_eq(h.claim, FT_CLAIM_WON);
	no_process = false;
	await_reserve();
	shell("pkill -KILL -P %d ftd-reserve", (int)getpid());
	for (int64_t end = ft_clock_now() + LONG_MS * FT_NS_PER_MS;
	     ft_arbiter_reserved(arbiter) && ft_clock_now() < end;)
		turn_loop(5);
	h = claim(3, "alpha");
	ck_assert_int_eq(h.claim, FT_CLAIM_WON);
	await_reserve();
}
END_TEST

START_TEST(the_first_to_claim_wins_and_the_next_learns_its_name)
{
	struct heard h = look(1);
	ck_assert_int_eq(h.what, FT_REGISTER_ABSENT);
	h = claim(1, "alpha");
	ck_assert_int_eq(h.claim, FT_CLAIM_WON);
	ck_assert_str_eq(h.name, "alpha");
	h = claim(1, "beta");
	ck_assert_int_eq(h.claim, FT_CLAIM_LOST);
	ck_assert_str_eq(h.name, "alpha");
	h = look(1);
	ck_assert_int_eq(h.what, FT_REGISTER_TAKEN);
	ck_assert_str_eq(h.name, "alpha");
	h = claim(1, "alpha"); /* the first answer may have been lost */
	ck_assert_int_eq(h.claim, FT_CLAIM_WON);
	h = claim(2, "beta"); /* another session has another register */
	ck_assert_int_eq(h.claim, FT_CLAIM_WON);
	ck_assert_int_eq(files_in(".ftd.*"), 0);
	ck_assert_int_eq(files_in(key_of(1)), 1);
}
END_TEST

START_TEST(a_name_that_begins_another_is_another)
{
	ck_assert_int_eq(claim(1, "alpha1").claim, FT_CLAIM_WON);
	ck_assert_int_eq(claim(1, "alpha").claim, FT_CLAIM_LOST);
}
END_TEST

START_TEST(questions_of_different_kinds_go_side_by_side)
{
	struct heard claimed = {0}, looked = {0}, checked = {0};
	ft_arbiter_claim(arbiter, session(1), "alpha", on_claimed, &claimed);
	ft_arbiter_read(arbiter, session(2), true, on_looked, &looked);
	ft_arbiter_check(arbiter, on_checked, &checked);
	while (!claimed.told || !looked.told || !checked.told)
		event_base_loop(base, EVLOOP_ONCE);
	ck_assert_int_eq(claimed.claim, FT_CLAIM_WON);
	ck_assert_int_eq(looked.what, FT_REGISTER_ABSENT);
	ck_assert_str_eq(checked.error, "");
}
END_TEST

START_TEST(a_register_that_is_no_whole_claim_is_nobodys)
{
	static const char *const contents[] = {"",
	                                       "claimed by alpha",
	                                       "claimed by alpha at 2026-11-21T03:00:00Z",
	                                       "claimed by alpha at 2026-11-21T03:00:00Z\n\n",
	                                       "claimed by alpha at 2026-11-21\n",
	                                       "claimed by  at 2026-11-21T03:00:00Z\n",
	                                       "claimed by al/pha at 2026-11-21T03:00:00Z\n",
	                                       "alpha\n",
	                                       "claimed by "
	                                       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	                                       " at 2026-11-21T03:00:00Z\n"};
	for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
		write_file(key_of(1), contents[i]);
		struct heard h = claim(1, "alpha");
		ck_assert_int_eq(h.claim, FT_CLAIM_UNREACHABLE);
		assert_says(h.error, key_of(1));
		ck_assert_int_eq(look(1).what, FT_REGISTER_UNKNOWN);
	}
	shell("rm %s/%s; mkfifo %s/%s", dir, key_of(1), dir, key_of(1));
	ck_assert_int_eq(claim(1, "alpha").claim, FT_CLAIM_UNREACHABLE);
	shell("rm %s/%s; mkdir %s/%s", dir, key_of(1), dir, key_of(1));
	ck_assert_int_eq(claim(1, "alpha").claim, FT_CLAIM_UNREACHABLE);
}
END_TEST

START_TEST(links_lead_nowhere)
{
	char path[128];
	write_file("elsewhere", "claimed by alpha at 2026-11-21T03:00:00Z\n");
	shell("ln -s elsewhere %s/%s", dir, key_of(1));
	ck_assert_int_eq(claim(1, "alpha").claim, FT_CLAIM_UNREACHABLE);
	shell("mkdir %s/real; ln -s real %s/folder", dir, dir);
	snprintf(path, sizeof(path), "%s/folder", dir);
	struct ft_arbiter_settings s = settings_for(path, LONG_MS);
	ft_arbiter_free(arbiter);
	arbiter = ft_arbiter_new(base, &s, stderr);
	struct heard h = claim(1, "alpha");
	ck_assert_int_eq(h.claim, FT_CLAIM_UNREACHABLE);
	assert_says(h.error, "symbolic link");
	ck_assert_int_eq(files_in("real/*"), 0);
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_not_made)
{
	shell("rm -r %s", dir);
	struct heard h = claim(1, "alpha");
	ck_assert_int_eq(h.claim, FT_CLAIM_UNREACHABLE);
	assert_says(h.error, "No such file");
	ck_assert_str_ne(kept(check().error), "");
	ck_assert_int_eq(look(1).what, FT_REGISTER_UNKNOWN);
	ck_assert_int_ne(access(dir, F_OK), 0);
}
END_TEST

START_TEST(a_full_storage_refuses_a_claim_but_not_the_winners_name)
{
	if (!are_we_root("a full storage"))
		return;
	ck_assert_int_eq(mount("tmpfs", dir, "tmpfs", 0, "nr_inodes=5"), 0);
	leave_marks();
	struct heard first = claim(1, "alpha");
	write_file("last", "inode");
	struct heard again = claim(1, "alpha"), other = claim(1, "beta"), none = claim(2, "beta"), seen = look(1),
	             absent = look(2), checked = check();
	ck_assert_int_eq(umount(dir), 0);
	ck_assert_int_eq(first.claim, FT_CLAIM_WON);
	ck_assert_int_eq(again.claim, FT_CLAIM_WON);
	ck_assert_int_eq(other.claim, FT_CLAIM_LOST);
	ck_assert_int_eq(none.claim, FT_CLAIM_UNREACHABLE);
	assert_says(none.error, "No space left");
	ck_assert_int_eq(seen.what, FT_REGISTER_TAKEN);
	ck_assert_int_eq(absent.what, FT_REGISTER_UNKNOWN); /* absence cannot be proven then */
	assert_says(checked.error, "No space left");
}
END_TEST

START_TEST(a_check_tries_it_warns_of_local_storage_and_leaves_nothing)
{
	shell("rm -r %s", dir);
	make_shared_dir("/dev/shm");
	struct ft_arbiter_settings s = settings_for(dir, LONG_MS);
	ft_arbiter_free(arbiter);
	arbiter = ft_arbiter_new(base, &s, stderr);
	struct heard h = check();
	ck_assert_str_eq(h.error, "");
	assert_says(h.warning, "local filesystem (tmpfs)");
	ck_assert_int_eq(files_in("*"), 2); /* the marks */
}
END_TEST

static struct heard check_as(const char *node, const char *peer)
{
	struct ft_arbiter_settings s = settings_for(dir, LONG_MS);
	snprintf(s.node, sizeof(s.node), "%s", node);
	snprintf(s.peer, sizeof(s.peer), "%s", peer);
	struct ft_arbiter *a = ft_arbiter_new(base, &s, stderr);
	struct heard h = ask_check(base, a);
	ft_arbiter_free(a);
	return h;
}

static void assert_nothing_is_claimed(const char *because)
{
	struct heard h = claim(1, "alpha");
	ck_assert_int_eq(h.claim, FT_CLAIM_UNREACHABLE);
	assert_says(h.error, because);
	assert_says(look(1).error, because);
	ck_assert_int_eq(files_in(key_of(1)), 0);
}

/* As on a host where the storage is not mounted. */
START_TEST(where_not_both_nodes_have_been_nobody_claims)
{
	shell("rm %s/vm1@*", dir);
	write_file("vm10@beta", ""); /* other pairs, and another node */
	write_file("vm@beta", "");
	write_file("vm1@gamma", "");
	assert_nothing_is_claimed("no mark of \"alpha\"");
	assert_says(check().error, "no mark of \"beta\"");
	assert_nothing_is_claimed("no mark of \"beta\"");
	ck_assert_str_eq(kept(check_as("beta", "").error), ""); /* it has met nobody under this name yet */
	assert_nothing_is_claimed("no mark of \"beta\"");
	ck_assert_str_eq(kept(check_as("beta", "alpha").error), "");
	ck_assert_str_eq(kept(check().error), "");
	ck_assert_int_eq(look(1).what, FT_REGISTER_ABSENT);
	ck_assert_int_eq(claim(1, "alpha").claim, FT_CLAIM_WON);
}
END_TEST

static struct heard mark_as(const char *node, const char *peer, uint64_t mark)
{
	struct ft_arbiter_settings s = settings_for(dir, LONG_MS);
	snprintf(s.node, sizeof(s.node), "%s", node);
	snprintf(s.peer, sizeof(s.peer), "%s", peer);
	struct ft_arbiter *a = ft_arbiter_new(base, &s, stderr);
	struct heard h = ask_mark(base, a, mark);
	ft_arbiter_free(a);
	return h;
}

/* By their numbers two nodes find that they write to one folder.  What is no number, an earlier ftd's mark say, is none. */
START_TEST(each_node_finds_the_others_mark)
{
	ck_assert_uint_eq(mark_as("alpha", "beta", 0x0123456789abcdef).mark, 0);
	ck_assert_uint_eq(mark_as("beta", "alpha", UINT64_MAX).mark, 0x0123456789abcdef);
	ck_assert_uint_eq(mark_as("alpha", "beta", 3).mark, UINT64_MAX);
	ck_assert_uint_eq(mark_as("beta", "alpha", 4).mark, 3);
	write_file("vm1@beta", "The pair before the @ keeps its claims here.  Written by ftd; leave it.\n");
	ck_assert_uint_eq(mark_as("alpha", "beta", 5).mark, 0);
	ck_assert_int_eq(files_in("*"), 2);
	ck_assert_str_eq(kept(check_as("alpha", "beta").error), ""); /* and it does not take the number away */
	ck_assert_uint_eq(mark_as("beta", "alpha", 6).mark, 5);
	ck_assert_int_eq(claim(1, "alpha").claim, FT_CLAIM_WON);
}
END_TEST

static struct heard past_for(const char *peer)
{
	struct ft_arbiter_settings s = settings_for(dir, LONG_MS);
	snprintf(s.node, sizeof(s.node), "alpha");
	snprintf(s.peer, sizeof(s.peer), "%s", peer);
	struct ft_arbiter *a = ft_arbiter_new(base, &s, stderr);
	struct heard h = ask_past(base, a);
	ft_arbiter_free(a);
	return h;
}

/* A host that has lost its disk knows no peer: then any mark of the pair's tells that there was one. */
START_TEST(the_marks_tell_of_the_pairs_past)
{
	shell("rm %s/vm1@*", dir);
	write_file("vm10@alpha", "mark 0000000000000001\nepoch 9\n"); /* another pair's */
	ck_assert_int_eq(past_for("").what, FT_REGISTER_ABSENT);
	ck_assert_int_eq(past_for("beta").what, FT_REGISTER_ABSENT);
	write_file("vm1@beta", "The pair before the @ keeps its claims here.  Written by ftd; leave it.\n");
	ck_assert_int_eq(past_for("").what, FT_REGISTER_TAKEN); /* an earlier ftd's */
	ck_assert_uint_eq(past_for("").epoch, 0);
	mark_as("alpha", "beta", 3);
	mark_as("beta", "alpha", 7);
	struct heard h = past_for("beta");
	ck_assert_int_eq(h.what, FT_REGISTER_TAKEN);
	ck_assert_uint_eq(h.epoch, 7);
	ck_assert_str_eq(h.name, "beta");
	mark_as("gamma", "alpha", 8); /* which has left the pair */
	ck_assert_uint_eq(past_for("beta").epoch, 7);
	ck_assert_uint_eq(past_for("").epoch, 8);
	ck_assert_uint_eq(mark_as("alpha", "beta", 4).mark, 7);
	shell("rm -r %s", dir);
	assert_says(past_for("").error, "cannot open the folder");
	make_shared_dir("/tmp");
}
END_TEST

START_TEST(the_marks_of_a_copied_folder_are_old)
{
	char copy[80];
	mark_as("alpha", "beta", 1);
	mark_as("beta", "alpha", 2);
	snprintf(copy, sizeof copy, "%s.copy", dir);
	shell("cp -r %s %s", dir, copy);
	mark_as("alpha", "beta", 11);
	shell("mv %s %s.was && mv %s %s", dir, dir, copy, dir);
	ck_assert_uint_eq(mark_as("beta", "alpha", 12).mark, 1); /* and not the 11 that alpha tells */
	shell("rm -r %s.was", dir);
}
END_TEST

START_TEST(a_mark_that_cannot_be_written_or_read_is_told)
{
	shell("rm %s/vm1@beta && mkdir %s/vm1@beta", dir, dir);
	assert_says(mark_as("alpha", "beta", 1).error, "it is no file");
	assert_says(mark_as("beta", "alpha", 1).error, "cannot put a file in place of another");
	shell("rm -r %s", dir);
	assert_says(mark_as("alpha", "beta", 1).error, "cannot open the folder");
	make_shared_dir("/tmp");
}
END_TEST

START_TEST(nothing_is_claimed_before_the_peer_is_known)
{
	struct ft_arbiter_settings s = settings_for(dir, LONG_MS);
	s.peer[0] = '\0';
	ft_arbiter_free(arbiter);
	arbiter = ft_arbiter_new(base, &s, stderr);
	ck_assert_int_eq(claim(1, "alpha").claim, FT_CLAIM_UNREACHABLE);
	ft_arbiter_meet(arbiter, "beta");
	ck_assert_int_eq(claim(1, "alpha").claim, FT_CLAIM_WON);
}
END_TEST

START_TEST(a_name_in_the_register_is_believed_without_marks)
{
	claim(1, "beta");
	shell("rm %s/vm1@*", dir);
	ck_assert_int_eq(look(1).what, FT_REGISTER_TAKEN);
	ck_assert_int_eq(claim(1, "alpha").claim, FT_CLAIM_LOST);
	ck_assert_int_eq(claim(1, "beta").claim, FT_CLAIM_WON);
}
END_TEST

static void litter(const char *host, long pid, bool is_old)
{
	char name[160], path[256];
	snprintf(name, sizeof(name), ".ftd.%s.%ld.0123456789abcdef", host, pid);
	write_file(name, "x");
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_sec = ft_clock_wall().tv_sec - 7200}};
	if (is_old)
		ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

START_TEST(a_check_removes_old_litter_of_this_hosts_dead_only)
{
	struct utsname host;
	pid_t dead = fork();
	if (dead == 0)
		_exit(0);
	waitpid(dead, NULL, 0);
	uname(&host);
	litter(host.nodename, dead, true);
	ck_assert_str_eq(kept(check().error), "");
	ck_assert_int_eq(files_in(".ftd.*"), 0);
	litter(host.nodename, dead, false);
	litter(host.nodename, getpid(), true);
	litter("elsewhere", dead, true);
	ck_assert_str_eq(kept(check().error), "");
	ck_assert_int_eq(files_in(".ftd.*"), 3);
}
END_TEST

START_TEST(a_relative_path_is_refused)
{
	struct ft_arbiter_settings s = settings_for("shared", LONG_MS);
	char *text = NULL;
	size_t len = 0;
	FILE *errors = open_memstream(&text, &len);
	ck_assert_ptr_null(ft_arbiter_new(base, &s, errors));
	fclose(errors);
	assert_says(text, "arbiter.path");
	free(text);
}
END_TEST

/* --- A storage that errs: its calls, as this program's own linkat and fsync let them end --- */

static enum {
	HONEST,
	REPEATED,
	LOST_ANSWER,
	STALE,
	FORGETS,
	FLUSH_FAILS
} storage; /* inherited by the claim's process */

static int fails_with(int error)
{
	errno = error;
	return -1;
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	if (storage == STALE)
		return fails_with(ESTALE);
	if (storage == FORGETS)
		return 0;
	long done = syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
	if (done == 0 && storage == REPEATED) /* NFS: the answer was lost, and the request repeated */
		return fails_with(EEXIST);
	if (done == 0 && storage == LOST_ANSWER)
		return fails_with(EIO);
	return (int)done;
}

int fsync(int fd)
{
	return storage == FLUSH_FAILS ? fails_with(EIO) : (int)syscall(SYS_fsync, fd);
}

START_TEST(a_link_that_was_made_is_ours_whatever_the_storage_says_of_it)
{
	storage = REPEATED;
	ck_assert_int_eq(claim(1, "alpha").claim, FT_CLAIM_WON);
	ck_assert_int_eq(claim(1, "beta").claim, FT_CLAIM_LOST);
	storage = LOST_ANSWER;
	ck_assert_int_eq(claim(2, "alpha").claim, FT_CLAIM_WON);
	storage = HONEST;
	ck_assert_str_eq(kept(look(1).name), "alpha");
	ck_assert_str_eq(kept(look(2).name), "alpha");
	ck_assert_int_eq(files_in(".ftd.*"), 0);
}
END_TEST

START_TEST(a_link_that_was_not_made_is_nobodys)
{
	storage = STALE;
	struct heard h = claim(1, "alpha");
	ck_assert_int_eq(h.claim, FT_CLAIM_UNREACHABLE);
	assert_says(h.error, "Stale file handle");
	assert_says(check().error, "Stale file handle");
	storage = HONEST;
	ck_assert_int_eq(look(1).what, FT_REGISTER_ABSENT);
	ck_assert_int_eq(files_in(".ftd.*"), 0);
}
END_TEST

/* The storage says that it is done, and nobody stands there. */
START_TEST(a_register_that_is_empty_after_the_claim_is_nobodys)
{
	storage = FORGETS;
	struct heard h = claim(1, "alpha");
	ck_assert_int_eq(h.claim, FT_CLAIM_UNREACHABLE);
	assert_says(h.error, "empty still");
	storage = HONEST;
	ck_assert_int_eq(claim(1, "beta").claim, FT_CLAIM_WON);
}
END_TEST

START_TEST(nobody_acts_on_a_register_that_cannot_be_flushed)
{
	ck_assert_int_eq(claim(1, "alpha").claim, FT_CLAIM_WON);
	storage = FLUSH_FAILS;
	struct heard h = claim(2, "alpha");
	ck_assert_int_eq(h.claim, FT_CLAIM_UNREACHABLE);
	assert_says(h.error, "Input/output error");
	ck_assert_int_eq(look(1).what, FT_REGISTER_UNKNOWN);
	storage = HONEST;
	ck_assert_int_eq(look(2).what, FT_REGISTER_ABSENT);
}
END_TEST

START_TEST(a_read_only_storage_refuses_a_claim_but_not_the_winners_name)
{
	if (!are_we_root("a storage that has become read-only"))
		return;
	ck_assert_int_eq(mount("tmpfs", dir, "tmpfs", 0, ""), 0);
	leave_marks();
	struct heard first = claim(1, "alpha");
	int remounted = mount("tmpfs", dir, "tmpfs", MS_REMOUNT | MS_RDONLY, "");
	struct heard again = claim(1, "alpha"), other = claim(1, "beta"), none = claim(2, "beta"), seen = look(1),
	             absent = look(2), checked = check();
	ck_assert_int_eq(umount(dir), 0);
	ck_assert_int_eq(remounted, 0);
	ck_assert_int_eq(first.claim, FT_CLAIM_WON);
	ck_assert_int_eq(again.claim, FT_CLAIM_WON);
	ck_assert_int_eq(other.claim, FT_CLAIM_LOST);
	ck_assert_int_eq(none.claim, FT_CLAIM_UNREACHABLE);
	assert_says(none.error, "Read-only file system");
	ck_assert_int_eq(seen.what, FT_REGISTER_TAKEN);
	ck_assert_int_eq(absent.what, FT_REGISTER_UNKNOWN);
	assert_says(checked.error, "Read-only file system");
}
END_TEST

/* --- A storage that stalls: a real filesystem, frozen.  Its writers cannot be killed. --- */

static void thaw(void)
{
	shell("fsfreeze -u %s/mount", dir);
}

/* True if it is there, and frozen. */
static bool freeze_storage(char path[128])
{
	char command[512];
	if (!are_we_root("a filesystem that stalls"))
		return false;
	snprintf(path, 128, "%s/mount", dir);
	snprintf(command, sizeof(command),
	         "cd %s && mkdir mount && truncate -s 8M image && mkfs.ext4 -q image && mount -o loop image mount && "
	         "cp vm1@* mount",
	         dir);
	if (system(command) != 0) {
		skipped("a filesystem that stalls", "no loop mounts here");
		return false;
	}
	shell("fsfreeze -f %s", path);
	return true;
}

START_TEST(a_storage_that_stalls_holds_nobody_up)
{
	char path[128];
	int beats = 0, tries = 0, unreachable = 0, too_many = 0, reads = 0;
	if (!freeze_storage(path))
		return;
	struct ft_arbiter_settings s = settings_for(path, 100);
	ft_arbiter_free(arbiter);
	arbiter = ft_arbiter_new(base, &s, stderr);
	struct event *beat = heartbeat(base, &beats);
	/* On a busy machine a process may be given up before it has come so far as to hang. */
	for (; tries < 300 && too_many < 2; tries++) {
		struct heard h = claim(1, "alpha");
		unreachable += h.claim == FT_CLAIM_UNREACHABLE;
		too_many += strstr(h.error, "earlier tries hang") != NULL;
	}
	reads += look(1).what == FT_REGISTER_UNKNOWN;
	int64_t before = ft_clock_now();
	ft_arbiter_free(arbiter); /* must not wait for them either */
	int64_t took = ft_clock_now() - before;
	arbiter = ft_arbiter_new(base, &s, stderr);
	unreachable += claim(1, "beta").claim == FT_CLAIM_UNREACHABLE;
	thaw();
	ft_arbiter_free(arbiter);
	s.timeout_ms = LONG_MS;
	arbiter = ft_arbiter_new(base, &s, stderr);
	struct heard after = claim(1, "alpha");
	shell("for i in $(seq 100); do umount %s 2>/dev/null && exit; sleep 0.1; done; exit 1", path);
	event_free(beat);
	ck_assert_int_eq(unreachable, tries + 1);
	ck_assert_int_ge(tries, FT_CHILDREN_MAX + 2);
	ck_assert_int_eq(too_many, 2); /* processes that hang are bounded in number */
	ck_assert_int_eq(reads, 1);
	ck_assert_int_ge(beats, FT_CHILDREN_MAX); /* the loop went on meanwhile */
	ck_assert_int_lt(took, 10000 * FT_NS_PER_MS);
	/* What was given up may have been carried out at last: the winner is who is written there, once and for all. */
	ck_assert(after.claim == FT_CLAIM_WON || after.claim == FT_CLAIM_LOST);
	ck_assert_str_eq(after.name, after.claim == FT_CLAIM_WON ? "alpha" : "beta");
}
END_TEST

/* --- Races --- */

/* What the child process of a claim does, without the child: so that it is the claim itself that is killed. */
static void race_bare(struct race *race, int self)
{
	struct ft_register_place shared = place();
	struct ft_told told;
	for (int round = race->done[self]; round < race->rounds; round++) {
		race_line_up(race, round);
		ft_register_claim(&shared, key_of(round), racer_names[self], &told);
		ck_assert_msg(told.what == FT_REGISTER_TAKEN, "%s", told.error);
		race_note(race, self, round, told.name);
	}
}

static void race_whole(struct race *race, int self)
{
	struct ft_arbiter_settings s = settings_for(dir, LONG_MS);
	base = event_base_new();
	arbiter = ft_arbiter_new(base, &s, stderr);
	for (int round = race->done[self]; round < race->rounds; round++) {
		race_line_up(race, round);
		struct heard h = claim(round, racer_names[self]);
		ck_assert_msg(h.claim != FT_CLAIM_UNREACHABLE, "%s", h.error);
		race_note(race, self, round, h.name);
	}
	ft_arbiter_free(arbiter);
	event_base_free(base);
}

static const char *holder(int round)
{
	static struct ft_told told;
	struct ft_register_place shared = place();
	ft_register_read(&shared, key_of(round), &told);
	ck_assert_int_eq(told.what, FT_REGISTER_TAKEN);
	return told.name;
}

static void hold_race(const char *where, racer_main *run, int rounds)
{
	make_shared_dir(where);
	struct race *race = race_new(rounds);
	ck_assert_int_gt(race_run(race, run, 4000, NULL), 0);
	race_judge(race, holder);
	shell("rm -rf %s", dir);
}

START_TEST(thousands_of_races_have_one_winner_each)
{
	hold_race("/dev/shm", race_bare, ROUNDS_MAX);
}
END_TEST

START_TEST(races_on_a_disk_have_one_winner_each)
{
	hold_race("/tmp", race_bare, 150);
}
END_TEST

START_TEST(races_through_the_whole_arbiter_have_one_winner_each)
{
	hold_race("/dev/shm", race_whole, 150);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("arbiter file");
	TCase *one = tcase_create("one"), *races = tcase_create("races");
	tcase_add_checked_fixture(one, set_up, tear_down);
	tcase_set_timeout(one, 60);
	tcase_add_test(one, the_first_to_claim_wins_and_the_next_learns_its_name);
	tcase_add_test(one, a_claim_works_where_no_process_can_be_had);
	tcase_add_test(one, a_name_that_begins_another_is_another);
	tcase_add_test(one, questions_of_different_kinds_go_side_by_side);
	tcase_add_test(one, a_register_that_is_no_whole_claim_is_nobodys);
	tcase_add_test(one, links_lead_nowhere);
	tcase_add_test(one, a_folder_that_is_not_there_is_not_made);
	tcase_add_test(one, a_full_storage_refuses_a_claim_but_not_the_winners_name);
	tcase_add_test(one, a_check_tries_it_warns_of_local_storage_and_leaves_nothing);
	tcase_add_test(one, where_not_both_nodes_have_been_nobody_claims);
	tcase_add_test(one, each_node_finds_the_others_mark);
	tcase_add_test(one, the_marks_tell_of_the_pairs_past);
	tcase_add_test(one, the_marks_of_a_copied_folder_are_old);
	tcase_add_test(one, a_mark_that_cannot_be_written_or_read_is_told);
	tcase_add_test(one, nothing_is_claimed_before_the_peer_is_known);
	tcase_add_test(one, a_name_in_the_register_is_believed_without_marks);
	tcase_add_test(one, a_check_removes_old_litter_of_this_hosts_dead_only);
	tcase_add_test(one, a_relative_path_is_refused);
	tcase_add_test(one, a_read_only_storage_refuses_a_claim_but_not_the_winners_name);
	tcase_add_test(one, a_link_that_was_made_is_ours_whatever_the_storage_says_of_it);
	tcase_add_test(one, a_link_that_was_not_made_is_nobodys);
	tcase_add_test(one, a_register_that_is_empty_after_the_claim_is_nobodys);
	tcase_add_test(one, nobody_acts_on_a_register_that_cannot_be_flushed);
	tcase_add_test(one, a_storage_that_stalls_holds_nobody_up);
	suite_add_tcase(s, one);
	tcase_set_timeout(races, 120);
	tcase_add_test(races, thousands_of_races_have_one_winner_each);
	tcase_add_test(races, races_on_a_disk_have_one_winner_each);
	tcase_add_test(races, races_through_the_whole_arbiter_have_one_winner_each);
	suite_add_tcase(s, races);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
