/* The heartbeat's wire format and authentication, in one place.  Pure.
 * Knows: bytes, libsodium's keyed hash.  Must not know: sockets, clocks, what the fields lead to.
 *
 * One heartbeat is one UDP datagram; integers are big-endian.
 *
 *   offset size field
 *        0    4 magic "FTHB"
 *        4    1 version, 3; any other is refused, but an authentic one is known for what it is: a primary of version 1 keeps
 *               its right for the whole detection time, and a side of version 2 does not prove that it shares its registers
 *        5    1 link, index of the link in ft.conf, the same on both hosts
 *        6    2 flags: 1 ready, 2 leaving, 4 replication broken, 8 asking, 16 tentative, 32 doubtful, 64 released,
 *               128 guest, 256 dying, 512 returned, 1024 ending, 2048 sick, 4096 disk bad, 8192 proven,
 *               16384 has ended the session of the epoch, 32768 has, after the other side had (at most one of these);
 *               unknown bits are ignored
 *        8    4 key id
 *       12    1 state (enum ft_state)
 *       13    1 role (enum ft_role)
 *       14    1 vm (enum ft_vm)
 *       15    1 request (high nibble, enum ft_request), answer (low nibble, enum ft_answer)
 *       16    4 request id
 *       20    4 answered request's id
 *       24    8 incarnation: random, drawn when this ftd started, never 0
 *       32    8 echoed incarnation: the newest one heard from the peer, 0 none
 *       40    8 sequence: counts this incarnation's heartbeats on this link, from 1
 *       48    8 acknowledged sequence: the newest heard from the peer on this link, 0 none
 *       56    8 sent: the sender's clock, ns; means something to the sender alone
 *       64    8 echoed sent: the "sent" of the acknowledged heartbeat, 0 none
 *       72    4 held: microseconds between hearing that one and sending this one, saturating
 *       76    4 checkpoint delay of the sender's QEMU, ms, 0 unknown
 *       80   16 session
 *       96    8 epoch
 *      104    4 detection time of the sender, ms: it claims nothing before a silence of that length
 *      108    1 length N of the node name, 1 .. 63
 *      109    N node name, no NUL
 *    109+N    M records, each a type (1 byte), a length (1 byte), and so many bytes; in any order, each type at most once.
 *               A type that is not known is skipped; so are bytes behind those that are known of one.
 *  109+N+M   16 BLAKE2b-128, keyed, of the pair's name, a zero byte, and all bytes before this field
 *
 * The records that are known; one that is left out says nothing.
 *
 *   type length
 *      1      5 arbiter type (1: none, 2: file, 3: etcd, 4: fence), failover.guard_ms (4 bytes)
 *      2  4 x n names of the n links' address pairs, in their order (struct ft_share); 0 .. 8 of them
 *      3 0 .. 63 where the registers are, printable ASCII, for people
 *      4     25 mark (8 bytes), next mark (8), verdict (1, enum ft_sharing), the incarnation it is about (8)
 *      5      1 1: a guest runs here in a QEMU that was never in COLO
 *      6  3 + n QEMU's version: major, minor, micro (1 byte each); the name of its machine type, n <= 63 printable ASCII
 *      7      8 when the sender was started, ns since 1970 by its wall clock: tells a life from earlier ones, roughly
 *
 * The pair's name is not sent: a heartbeat of another pair fails authentication. */
#ifndef FT_HEARTBEAT_WIRE_H
#define FT_HEARTBEAT_WIRE_H

#include "base/types.h"
#include "heartbeat/settings.h"

#define FT_WIRE_VERSION 3
#define FT_WIRE_FIXED   109
#define FT_WIRE_MAC     16
#define FT_WIRE_MIN     (FT_WIRE_FIXED + 1 + FT_WIRE_MAC)
/* What tells a heartbeat that may be this pair's, of whichever version, from all else. */
#define FT_WIRE_AT_MAGIC     0
#define FT_WIRE_AT_KEY_ID    8
#define FT_WIRE_MAGIC_NUMBER 0x46544842 /* "FTHB" */
/* The longest that is taken in, below what every IP network must carry in one piece.  Ours stay far below it, so that a later
 * ftd may add records. */
#define FT_WIRE_MAX 512

struct ft_beat {
	uint8_t link;
	bool asking;    /* the sender is in doubt, of being heard or of its peer: answer at once */
	bool tentative; /* the echoed incarnation has yet to prove itself to the sender: the acknowledged heartbeat was
	                   received, but did not count as life there, so no right may be drawn from it */
	uint64_t incarnation, echo_incarnation;
	int64_t born; /* 0: it does not say */
	uint64_t sequence, ack_sequence;
	int64_t sent, echo_sent;
	uint32_t held_us;
	char node[FT_NAME_MAX]; /* 1 .. 63 of A-Z a-z 0-9 . _ - */
	struct ft_side side;
};

enum ft_wire_error {
	FT_WIRE_OK = 0,
	FT_WIRE_LENGTH, /* too short, too long, or not the length it says */
	FT_WIRE_MAGIC,  /* not a heartbeat */
	FT_WIRE_VERSION_UNKNOWN,
	FT_WIRE_KEY,   /* a key id we do not hold */
	FT_WIRE_AUTH,  /* forged, damaged, or of another pair */
	FT_WIRE_VALUE, /* authentic, but a field holds a value this version does not know */
	FT_WIRE_ERROR_COUNT
};
const char *ft_wire_error_name(enum ft_wire_error e); /* "length", "magic", ... as metrics label */

/* Returns the datagram's length, at most FT_WIRE_MAX. Every field of beat must be in range: it is our own. */
size_t ft_wire_encode(const struct ft_beat *beat, const struct ft_key *key, const char *pair, uint8_t out[FT_WIRE_MAX]);

/* The version of a heartbeat of this pair, whatever it is, and authentic; 0: it is none.  All versions have the magic, the
 * version and the key id in the same place, and the authentication at the end. */
int ft_wire_version(const uint8_t *data, size_t len, const struct ft_key *keys, int n_keys, const char *pair);

/* data may be shorter than len says once len is above FT_WIRE_MAX (a truncated datagram): it is refused unread.
 * out is written only with FT_WIRE_OK.  Authenticity is checked before any field but magic, version, length and key id is
 * looked at. */
enum ft_wire_error ft_wire_decode(const uint8_t *data, size_t len, const struct ft_key *keys, int n_keys,
                                  const char *pair, struct ft_beat *out);

#endif
