/* UDP sockets and timers: what a turn (turn.h) is done with live.  One of the few files that know libevent.
 * Knows: libevent, sockets.  Must not know: what the news lead to. */
#ifndef FT_HEARTBEAT_LINKS_H
#define FT_HEARTBEAT_LINKS_H

#include "heartbeat/turn.h"

#include <stdio.h>

struct event_base;
struct ft_timers;
struct ft_links;

/* cb: from the event loop or from ft_links_catch_up; each must return true, and may call anything below but ft_links_free
 * and ft_links_reconfigure.
 * Opens every link.  One whose address or interface is not there yet, or that has no route or one that is forbidden or leads
 * nowhere, is opened later, and the log says so: the others are no worse for it.  Returns NULL after writing one line a
 * fault to errors where that will not pass (port taken, or not allowed).
 * base, timers and settings must outlive the links, or be replaced (settings). */
struct ft_links *ft_links_new(struct event_base *base, struct ft_timers *timers,
                              const struct ft_heartbeat_settings *settings, uint64_t incarnation,
                              const struct ft_turn_callbacks *cb, void *arg, FILE *errors);
/* Swaps to a new config: sockets whose addresses did not change stay open, no heartbeat is missed.
 * Returns 0, or -1 with nothing changed (a new address cannot be bound). The old config may be freed afterwards. */
int ft_links_reconfigure(struct ft_links *l, const struct ft_heartbeat_settings *settings, FILE *errors);
/* A heartbeat on every link at once: a change of state. */
void ft_links_send_now(struct ft_links *l);
/* Writes the next heartbeat for a link, for somebody else to send; returns its length. */
size_t ft_links_compose(struct ft_links *l, int link, const struct ft_side *self, uint8_t out[FT_WIRE_MAX]);
/* Receives and judges what has come in by now.  For a caller about to decide something because a timer of its own
 * fired: after a stall, that timer may be served before the sockets are.  Does nothing when called from a callback. */
void ft_links_catch_up(struct ft_links *l);
const struct ft_hub *ft_links_hub(const struct ft_links *l);
void ft_links_free(struct ft_links *l); /* NULL is fine */

#endif
