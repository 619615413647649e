/* QMP's byte stream: the same bytes cut in another way are the same frames. */
#include "qmp/framing.h"
#include "tests/fuzz/fuzz.h"

struct digest {
	uint64_t sum;
	size_t frames, longest;
};

static void add(struct digest *d, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		d->sum = (d->sum ^ ((const uint8_t *)bytes)[i]) * UINT64_C(1099511628211);
}

static void see(void *arg, enum ft_frame kind, const char *text, size_t len)
{
	struct digest *d = arg;
	d->frames++;
	add(d, &kind, sizeof kind);
	if (kind != FT_FRAME_OBJECT)
		return; /* of a fault it is told what there was of it by then */
	LAW(len >= 2 && text[0] == '{' && text[len - 1] == '}', "an object begins and ends as one");
	d->longest = len > d->longest ? len : d->longest;
	add(d, text, len);
}

static struct digest feed(const char *text, size_t len, size_t limit, const uint8_t *cuts, size_t n_cuts)
{
	struct digest d = {.sum = 1};
	struct ft_framing *f = ft_framing_new(limit);
	for (size_t at = 0, i = 0; at < len; i++) {
		size_t piece = n_cuts ? cuts[i % n_cuts] % 16u + 1 : len;
		piece = piece < len - at ? piece : len - at;
		ft_framing_feed(f, text + at, piece, see, &d);
		at += piece;
	}
	ft_framing_free(f);
	return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	const uint8_t *cuts;
	size_t limit = 2 + take(&in, 1), n_cuts = take_bytes(&in, 1 + take(&in, 1) % 8, &cuts);
	const char *text = (const char *)in.data;
	struct digest whole = feed(text, in.left, limit, NULL, 0), cut = feed(text, in.left, limit, cuts, n_cuts);
	LAW(whole.frames == cut.frames && whole.sum == cut.sum,
	    "the same stream has the same frames however it is cut");
	LAW(whole.longest <= limit, "no object is longer than the limit");
	return 0;
}
