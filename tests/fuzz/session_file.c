/* state_dir/session: what a disk, a person or a restored backup has left there. */
#include "store/session_file.h"
#include "tests/fuzz/fuzz.h"

#include <jansson.h>
#include <sodium.h>

static void read_back(const void *text, size_t len)
{
	char path[128], error[FT_SESSION_FILE_ERROR_MAX] = "";
	struct ft_session session;
	fuzz_put(FT_SESSION_FILE, text, len, path);
	if (ft_session_file_read(fuzz_folder(), "vm1", "alpha", &session, error) < 0) {
		LAW(session.stage == FT_SESSION_UNKNOWN && error[0], "what cannot be read is unknown, for a reason");
		return;
	}
	bool beside = session.role == FT_ROLE_NONE && session.instance == 0 && session.peer[0];
	LAW((session.stage != FT_SESSION_NONE && session.stage != FT_SESSION_UNKNOWN) || beside,
	    "a file that is read is a session, or tells what was given where there is none");
	char *again = ft_session_file_text(&session, "vm1", "alpha");
	LAW(again && strlen(again) == len && memcmp(again, text, len) == 0,
	    "what is read is, byte for byte, what would be written");
	free(again);
}

/* A session of the input's, damaged in one place with the checksum as it was: never taken for another. */
static void write_and_damage(struct input *in)
{
	struct ft_session s = {.stage = (enum ft_session_stage)choose(in, FT_SESSION_STAGE_COUNT),
	                       .role = (enum ft_role)choose(in, FT_ROLE_COUNT),
	                       .title = (enum ft_title)choose(in, FT_TITLE_COUNT),
	                       .epoch = take(in, 8),
	                       .instance = take(in, 8),
	                       .window_ms = (uint32_t)take(in, 4),
	                       .disk_bad = take(in, 1) & 1};
	size_t place = take(in, 2);
	uint8_t damage = (uint8_t)take(in, 1);
	s.given_before = place & 1;
	s.yielded = place & 2 ? s.instance : 0;
	s.yielded_as = place & 2 ? FT_ROLE_SECONDARY : FT_ROLE_NONE;
	take_text(in, s.peer, sizeof s.peer);
	take_text(in, s.winner, sizeof s.winner);
	const uint8_t *id;
	size_t n = take_bytes(in, sizeof s.id, &id);
	memcpy(s.id, id, n);
	char *text = ft_session_file_text(&s, "vm1", "alpha");
	if (!text)
		return;
	size_t len = strlen(text);
	read_back(text, len);
	text[place % len] ^= (char)damage;
	read_back(text, len);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	if (sodium_init() < 0)
		return 0;
	if (take(&in, 1) & 1)
		write_and_damage(&in);
	else
		read_back(in.data, in.left);
	return 0;
}
