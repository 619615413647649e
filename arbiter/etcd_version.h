/* What a version of etcd means for ftd.  Pure.
 * Knows: etcd's version numbers, and what each can do wrong.  Must not know: how a version is asked for.
 *
 * A read of etcd, a range request or a transaction of such alone, goes through no log: the server that was asked asks the leader up to
 * where it must have applied the log first ("ReadIndex"), and answers from its own state.  From 3.4.20, and in 3.5 and 3.6 from
 * the beginning, it repeated that question under the same number; and after a leader had been paused, an answer to the earlier
 * one could let it read a state from before writes that had been acknowledged since.  (etcd issue 20418; each try has a number of
 * its own since 3.4.42, 3.5.28 and 3.6.9 of March 2026.)  Whatever writes goes through the log, and so does all of a transaction
 * that holds a request other than a range, whichever of its branches that is in: it is not touched. */
#ifndef FT_ARBITER_ETCD_VERSION_H
#define FT_ARBITER_ETCD_VERSION_H

enum ft_etcd_reads {
	FT_ETCD_READS_UNKNOWN = 0, /* this is no version of etcd's */
	FT_ETCD_READS_SOUND,
	FT_ETCD_READS_STALE, /* a plain read may be answered by an earlier state */
};

/* version: as etcd says it, "3.4.23".  *upgrade: where STALE, the first version of that line that is sound. */
enum ft_etcd_reads ft_etcd_judge(const char *version, const char **upgrade);

#endif
