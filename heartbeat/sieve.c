/* See sieve.h. */
#include "heartbeat/sieve.h"

#include <assert.h>
#include <linux/filter.h>
#include <sys/socket.h>

/* A filter of a UDP socket sees the datagram from its UDP header on. */
#define UDP_HEADER 8
#define HEADED     5 /* instructions before those of the keys */

int ft_sieve_attach(int fd, const struct ft_key *keys, int n_keys)
{
	enum { DROP, PASS, VERDICTS };
	struct sock_filter code[HEADED + 1 + FT_KEYS_MAX + VERDICTS];
	uint8_t verdicts = (uint8_t)(HEADED + 1 + n_keys); /* DROP is there, and PASS behind it */
	uint8_t at = 0;

	assert(n_keys >= 1 && n_keys <= FT_KEYS_MAX);
/* What follows it is the first instruction that a jump of 0 goes to. */
#define TO(verdict) (uint8_t)(verdicts + (verdict) - at - 1)
#define ADD(...)    (code[at] = (struct sock_filter)__VA_ARGS__, at++)
	ADD(BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0));
	ADD(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, UDP_HEADER + FT_WIRE_MIN, 0, TO(DROP)));
	ADD(BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, UDP_HEADER + FT_WIRE_MAX, TO(DROP), 0));
	ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, UDP_HEADER + FT_WIRE_AT_MAGIC));
	ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FT_WIRE_MAGIC_NUMBER, 0, TO(DROP)));
	ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, UDP_HEADER + FT_WIRE_AT_KEY_ID));
	for (int i = 0; i < n_keys; i++)
		ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, keys[i].id, TO(PASS), 0));
	ADD(BPF_STMT(BPF_RET | BPF_K, 0));
	ADD(BPF_STMT(BPF_RET | BPF_K, UINT32_MAX));
#undef ADD
#undef TO
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &(struct sock_fprog){.len = at, .filter = code},
	                  sizeof(struct sock_fprog));
}

void ft_sieve_detach(int fd)
{
	(void)setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &(int){0}, sizeof(int));
}
