/* The decision core: any order of events, with a peer that has the key and says anything, a QEMU that does anything, and disk,
 * register, fence and plan that answer what they were asked in any way and order.  The laws are those of the unit tests. */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/core_world.h"

/* What the core has asked for and not been answered; answers come in any order, but each once. */
static const struct question {
	enum ft_action_kind asked;
	enum ft_event_kind answer;
} questions[] = {
    {FT_DO_FREEZE, FT_EVENT_FROZEN},       {FT_DO_PLAN, FT_EVENT_PLAN},    {FT_DO_RECORD, FT_EVENT_RECORDED},
    {FT_DO_REPEAT, FT_EVENT_RECORDED},     {FT_DO_STORE, FT_EVENT_STORED}, {FT_DO_CLAIM, FT_EVENT_CLAIM},
    {FT_DO_READ, FT_EVENT_REGISTER},       {FT_DO_FENCE, FT_EVENT_FENCED}, {FT_DO_MARK, FT_EVENT_MARKED},
    {FT_DO_REMEMBER, FT_EVENT_REMEMBERED},
};
#define QUESTIONS (sizeof questions / sizeof questions[0])

static struct world {
	struct ft_core core;
	struct ft_actions out, again;
	struct ft_peer_news peer;
	struct ft_qemu_facts qemu;
	struct ft_plan_report report;
	struct pending pending;
	int open[QUESTIONS];
	int64_t now, heard_at;
} w;

/* Ids that the core may know: none, its own, the one under way, another. */
static void choose_session(struct input *in, uint8_t out[FT_SESSION_BYTES])
{
	memset(out, 0, FT_SESSION_BYTES);
	switch (choose(in, 4)) {
	case 1:
		memcpy(out, w.core.session.id, FT_SESSION_BYTES);
		break;
	case 2:
		memcpy(out, w.core.store_next.id, FT_SESSION_BYTES);
		break;
	case 3:
		memset(out, 7, FT_SESSION_BYTES);
		break;
	default:
		break;
	}
}

static void step(const struct ft_event *e)
{
	static const struct ft_event nothing = {.kind = FT_EVENT_TIME};
	ft_core_step(&w.core, e, w.now, &w.out);
	const char *broken = broken_law(&w.core, e, &w.pending, &w.out);
	LAW(!broken, broken);
	for (size_t i = 0; i < QUESTIONS; i++)
		w.open[i] += count_actions(&w.out, questions[i].asked);
	if (count_actions(&w.out, FT_DO_THAW) || count_actions(&w.out, FT_DO_KILL))
		w.open[0] = 0; /* a freeze that is called off is not answered */
	ft_core_step(&w.core, &nothing, w.now, &w.again);
	LAW(w.again.n == 0, "the table comes to rest");
}

static void pass(int64_t ns)
{
	static const struct ft_event time = {.kind = FT_EVENT_TIME};
	int64_t end = w.now + ns;
	for (int n = 0; n < 64 && ft_core_deadline(&w.core) <= end; n++) {
		w.now = ft_core_deadline(&w.core);
		step(&time);
	}
	w.now = end;
	step(&time);
}

static void tell_peer(struct input *in)
{
	struct ft_side *s = &w.peer.side;
	uint32_t bits = (uint32_t)take(in, 3);
	strcpy(w.peer.node, "beta");
	w.peer.incarnation = 1 + (bits >> 22);
	*s = (struct ft_side){.state = (enum ft_state)choose(in, FT_STATE_COUNT),
	                      .role = (enum ft_role)choose(in, FT_ROLE_COUNT),
	                      .vm = (enum ft_vm)choose(in, FT_VM_COUNT),
	                      .ready = bits & 1,
	                      .leaving = bits & 2,
	                      .repl_broken = bits & 4,
	                      .doubtful = bits & 8,
	                      .released = bits & 16,
	                      .guest = bits & 32,
	                      .proven = bits & 64,
	                      .returned = bits & 128,
	                      .dying = bits & 256,
	                      .disk_bad = bits & 512,
	                      .ending = bits & 1024,
	                      .sick = bits & 2048,
	                      .runs = bits & 4096,
	                      .request = (enum ft_request)choose(in, FT_REQUEST_COUNT),
	                      .request_id = (uint32_t)take(in, 1),
	                      .answer = (enum ft_answer)choose(in, FT_ANSWER_COUNT),
	                      .answer_id = bits & 8192 ? w.core.self.request_id : (uint32_t)take(in, 1),
	                      .checkpoint_ms = (uint32_t)take(in, 2),
	                      .epoch = take(in, 1) % 8,
	                      .window_ms = bits & 16384 ? (uint32_t)take(in, 4) : 500};
	choose_session(in, s->session);
	if (bits & 32768)
		s->share = w.core.self.share;
	s->share.verdict = (enum ft_sharing)choose(in, FT_SHARING_COUNT);
	s->share.about = bits & 65536 ? w.core.params.incarnation : take(in, 8);
	s->share.mark = take(in, 1);
	if (bits & 131072) { /* as an ftd could say it: most words would be void */
		s->dying = s->dying && s->vm == FT_VM_UNKNOWN;
		s->proven = s->proven && s->vm == FT_VM_ALIVE;
		s->state = ft_side_possible(s) ? s->state : FT_HELD;
	}
	step(&(struct ft_event){.kind = FT_EVENT_PEER, .peer = &w.peer});
}

static void tell_qemu(struct input *in)
{
	uint32_t bits = (uint32_t)take(in, 2);
	w.qemu = (struct ft_qemu_facts){.connected = bits & 1,
	                                .oob = bits & 2,
	                                .plan_ready = bits & 4,
	                                .plan_doubted = bits & 8,
	                                .pid_verified = bits & 16,
	                                .unguarded = bits & 32,
	                                .stopped = bits & 64,
	                                .running = bits & 128,
	                                .incoming = bits & 256,
	                                .instance = bits >> 14,
	                                .vm = (enum ft_vm)choose(in, FT_VM_YIELDED),
	                                .role = (enum ft_role)choose(in, FT_ROLE_COUNT),
	                                .last_role = (enum ft_role)choose(in, FT_ROLE_COUNT),
	                                .checkpoint_ms = (int)take(in, 2)};
	step(&(struct ft_event){.kind = FT_EVENT_QEMU, .qemu = &w.qemu});
}

/* As the detector tells it: quiet and lost only after a silence. */
static void tell_hearing(struct input *in)
{
	enum ft_peer_hearing h = (enum ft_peer_hearing)choose(in, 4);
	if (h == FT_PEER_ALIVE)
		w.heard_at = w.now;
	else if (h == FT_PEER_LOST && w.now < w.heard_at + w.core.params.window)
		pass(w.heard_at + w.core.params.window - w.now);
	step(&(struct ft_event){.kind = FT_EVENT_HEARING, .hearing = h, .heard_at = h ? w.heard_at : FT_NEVER});
}

static void answer(struct input *in)
{
	size_t i = (size_t)choose(in, QUESTIONS);
	struct ft_event e = {.kind = questions[i].answer,
	                     .error = take(in, 1) % 4 == 0,
	                     .claim = (enum ft_claim)(FT_CLAIM_WON + choose(in, 3)),
	                     .mark = take(in, 1),
	                     .epoch = take(in, 1) % 8,
	                     .plan = &w.report};
	if (w.open[i] == 0)
		return;
	w.open[i]--;
	if (e.kind == FT_EVENT_REGISTER || e.kind == FT_EVENT_REMEMBERED)
		e.claim = e.claim == FT_CLAIM_WON ? FT_CLAIM_NOT_NEEDED : e.claim;
	e.text = e.kind == FT_EVENT_CLAIM || e.kind == FT_EVENT_REGISTER || e.kind == FT_EVENT_REMEMBERED
	             ? (take(in, 1) & 1 ? "alpha" : "beta")
	             : "a reason";
	w.report = (struct ft_plan_report){.ok = !e.error, .proven_at = e.error ? FT_NEVER : w.now};
	step(&e);
}

static void happen(struct input *in)
{
	static const enum ft_event_kind plain[] = {
	    FT_EVENT_REFUSED,    FT_EVENT_COLO_EXIT,  FT_EVENT_SHUTDOWN, FT_EVENT_DISK,
	    FT_EVENT_CHECKPOINT, FT_EVENT_HUNG,       FT_EVENT_STALLED,  FT_EVENT_STOOD_STILL,
	    FT_EVENT_VERSION,    FT_EVENT_WANT_START, FT_EVENT_FORCE,    FT_EVENT_LEAVE,
	};
	struct ft_event e = {.kind = plain[choose(in, sizeof plain / sizeof plain[0])],
	                     .error = take(in, 1) & 1,
	                     .confirmed = take(in, 1) % 4 == 0,
	                     .cause = take(in, 1) & 1 ? FT_CAUSE_SIGNAL : FT_CAUSE_OPERATOR,
	                     .ending = (enum ft_ending)choose(in, 3),
	                     .version = choose(in, 5),
	                     .at = (int64_t)take(in, 4),
	                     .text = "a reason"};
	step(&e);
}

static void acknowledge(struct input *in)
{
	int64_t age = (int64_t)take(in, 4);
	if (w.heard_at != FT_NEVER && age <= w.now - MS(1))
		step(&(struct ft_event){.kind = age % 4 == 3 ? FT_EVENT_ANSWERED : FT_EVENT_ACK, .at = w.now - age});
}

static void begin(struct input *in)
{
	uint8_t bits = (uint8_t)take(in, 1);
	memset(&w, 0, sizeof w);
	w.now = w.heard_at = MS(100000);
	struct ft_core_params p = {.node = "alpha",
	                           .incarnation = 42,
	                           .interval = MS(100),
	                           .window = MS(500),
	                           .reply_timeout = MS(1000),
	                           .arbitrated = bits & 3,
	                           .registers = (bits & 3) > 1,
	                           .fenced = (bits & 3) > 2,
	                           .guard = MS(20),
	                           .seed = "a seed",
	                           .fresh = bits & 4};
	p.share.arbiter = (bits & 3) + 1;
	if (p.arbitrated && !p.fresh && bits & 8)
		p.session = (struct ft_session){.stage = (enum ft_session_stage)(FT_SESSION_UNKNOWN + choose(in, 5)),
		                                .id = "a session",
		                                .epoch = 3,
		                                .role = bits & 16 ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY,
		                                .instance = 1,
		                                .window_ms = 500,
		                                .peer = "beta"};
	if (p.session.stage == FT_SESSION_ENDED) {
		strcpy(p.session.winner, bits & 32 ? "alpha" : "beta");
		p.session.title = (enum ft_title)choose(in, FT_TITLE_COUNT);
	}
	ft_core_init(&w.core, &p, w.now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const acts[])(struct input *) = {tell_peer, tell_qemu, tell_hearing, answer,
	                                               answer,    answer,    happen,       acknowledge};
	struct input in = {data, size};
	char why[FT_TEXT_MAX];
	struct ft_side word;
	begin(&in);
	while (in.left > 0) {
		int act = choose(&in, 9);
		if (act == 8)
			pass((int64_t)take(&in, 2) * MS(1));
		else
			acts[act](&in);
		ft_core_may_start(&w.core, act & 1, why);
		ft_core_last_word(&w.core, &word);
	}
	pass(MS(120000));
	return 0;
}
