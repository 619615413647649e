/* What ftd may do to the rest of the host: no more than it has a use for.
 * Knows: capabilities(7).  Must not know: who uses which, beyond the list.
 *
 * Not by a filter of system calls: what ftd runs (a hook, a fence agent) would be under it as well, and may do anything. */
#ifndef FT_SUPERVISOR_PRIVILEGE_H
#define FT_SUPERVISOR_PRIVILEGE_H

/* Gives up, for this process and all that it forks from here on, every capability but those on ftd's list, and hands none on to
 * what it runs as an ordinary user.  A program that root runs has all of root's again, by the kernel's rule; but not under
 * no-new-privs: there root keeps what it has, for the sake of a hook or an agent.
 * Returns 0, or -1 with errno and nothing changed. */
int ft_privilege_shrink(void);

#endif
