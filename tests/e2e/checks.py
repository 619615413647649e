"""What a test claims about a pair, asked of QEMU, of the kernel and of the outcome records, not of ftd's own view.

Knows: the contract (states, outcome record).  Must not know: how the pair got there.
"""

import datetime
import time

from tests.e2e.harness import stays, wait
from tests.e2e.watch import dies, runs
from tests.pair.monitor import QmpTimeout

CAUSES = ("peer-lost", "peer-vm-gone", "peer-yielded", "replication-broken", "signal", "operator", "unknown")
RESULTS = ("success", "refused", "lost-claim", "held", "failed")
# What may be noticed first of a host that died: its silence, its closed connections, or its kernel's word.
HOST_DIED = ("peer-lost", "peer-vm-gone", "replication-broken")
CLAIMS = ("won", "lost", "unreachable", "not-needed")
STEP_RESULTS = ("ok", "error", "timeout", "skipped")
_TEXT, _NUMBER, _NULL = str, (int, float), type(None)

# {key: type(s), or a tuple of the allowed words}; a record may have further keys.
_OUTCOME = {"pair": _TEXT, "node": _TEXT, "peer": _TEXT, "session": (_TEXT, _NULL), "epoch": int, "time": _TEXT, "cause": CAUSES,
            "evidence": list, "role_before": ("primary", "secondary", "solo", "none"), "result": RESULTS, "claim": dict,
            "steps": list, "guest": dict, "durations_ms": dict, "error": (_TEXT, _NULL)}
_CLAIM = {"arbiter": ("none", "file", "etcd", "fence"), "result": CLAIMS, "winner": (_TEXT, _NULL), "ms": (int, float, _NULL)}
_STEP = {"command": _TEXT, "channel": ("qmp", "oob"), "result": STEP_RESULTS, "error": (_TEXT, _NULL),
         "at_ms": (int, float, _NULL), "ms": (int, float, _NULL)}
_GUEST = {"status": (_TEXT, _NULL), "colo_mode": (_TEXT, _NULL), "last_mode": (_TEXT, _NULL)}
_DURATIONS = dict.fromkeys(("detection", "decision", "claim", "plan", "total"), (int, float, _NULL))


def survivor_runs(side, was):
    """This side's guest runs, alone, and its count goes on."""
    assert side.qemu.colo() == ("none", was, "running"), f"{side.node}: {side.qemu.colo()}"
    before = side.qemu.counter()
    wait(lambda: side.qemu.counter() >= before + 3, f"{side.node}'s guest to count on from {before}")


def is_out(side):
    """This side's guest cannot run: its process is dead, or the kernel says that it is stopped."""
    assert side.qemu.gone() or side.qemu.stopped(), f"{side.node}'s QEMU still runs"


def failed_over(rig, survivor, cause, claim="won"):
    """Exactly one failover, by this side; returns its record, validated.  cause: one or a tuple of them.

    Before it, either side may have told that it was held.

    claim: how it must have ended, where there is an arbiter.
    """
    survivor.wait_state("solo")
    role = "primary" if survivor is rig.alpha else "secondary"
    survivor_runs(survivor, role)
    peer = rig.other(survivor)
    wait(lambda: peer.qemu.gone() or peer.qemu.stopped(), f"{peer.node}'s QEMU to be out")
    records, others = ([r for r in s.outcomes() if r["result"] != "held"] for s in (survivor, peer))
    successes = [r for r in records if r["result"] == "success"]
    assert len(records) == 1 and len(successes) == 1, f"{survivor.node}: {records}"
    assert not [r for r in others if r["result"] == "success"], f"{peer.node} failed over too: {others}"
    # With an arbiter, a peer that asked it, too, was told who had won.
    assert all(rig.arbiter.kind != "none" and r["result"] == "lost-claim" and r["claim"]["winner"] == survivor.node
               for r in others), f"{peer.node}: {others}"
    record = records[0]
    valid_outcome(record, survivor)
    if rig.arbiter.kind != "none":
        ended_by(rig, survivor, record, claim)
    assert record["cause"] in ((cause,) if isinstance(cause, str) else cause), f"cause {record['cause']}, not {cause}"
    assert record["role_before"] == role and record["error"] is None, record
    assert record["guest"] == {"status": "running", "colo_mode": "none", "last_mode": role}, record["guest"]
    return record


def ended_by(rig, survivor, record, claim):
    """The survivor ended the session, and the register says so, or could not be asked."""
    assert record["claim"]["result"] == claim, record["claim"]
    if rig.arbiter.kind == "fence":  # it keeps no register
        assert record["claim"]["winner"] == (survivor.node if claim == "won" else None), record["claim"]
        return
    stands = rig.arbiter.registers().get(record["session"])
    if claim == "won":
        assert record["claim"]["winner"] == stands == survivor.node, (record["claim"], stands)
    else:
        assert stands is None, stands


def only_one_runs(rig, for_seconds=1):
    """One side runs the guest alone, the other is frozen or gone, and so it stays; returns (survivor, other)."""
    wait(lambda: "solo" in [s.state() for s in rig.sides if s.ftd.poll() is None], "one side to be solo")
    survivor = next(s for s in rig.sides if s.ftd.poll() is None and s.state() == "solo")
    other = rig.other(survivor)
    survivor_runs(survivor, "primary" if survivor is rig.alpha else "secondary")
    wait(lambda: other.qemu.gone() or other.qemu.stopped(), f"{other.node}'s QEMU to be out")
    said = other.qemu.said()
    pid = other.qemu.process.pid
    stays(lambda: (not runs(pid) or dies(pid)) and survivor.state() == "solo", for_seconds, "one guest runs")
    assert other.qemu.said() == said, f"{other.node}'s guest still speaks"
    return survivor, other


def no_failover(rig):
    """Nobody failed over or tried to, and the pair still replicates with one primary."""
    for s in rig.sides:
        assert s.outcomes() == [], f"{s.node}: {s.outcomes()}"
    replicates(rig)


def replicates(rig):
    """Both guests are where they began, and a new checkpoint completes on both."""
    assert [s.qemu.colo()[0] for s in rig.sides] == ["primary", "secondary"], [s.qemu.colo() for s in rig.sides]
    since = [s.qemu.obs.drain() for s in rig.sides]
    for s, n in zip(rig.sides, since, strict=True):
        s.qemu.obs.wait_event("RESUME", s.qemu.obs.wait_event("STOP", n))
    before = rig.alpha.qemu.counter()
    wait(lambda: rig.alpha.qemu.counter() >= before + 3, "the primary's guest to count on")


class Calm:
    """Both sides are protected from its making on, and never leave that state in between looks either."""

    def __init__(self, rig):
        self._rig = rig
        self._since = self._look()

    def check(self, for_seconds=0.0):
        end = time.monotonic() + for_seconds
        while True:
            for side, was, now in zip(self._rig.sides, self._since, self._look(), strict=True):
                assert abs(now - was) < 0.2, f"{side.node} left protected: since {now}, was {was}"  # ftd converts between clocks
            if time.monotonic() >= end:
                return
            time.sleep(0.05)

    def _look(self):
        found = []
        for side in self._rig.sides:
            status = side.status()
            assert status["state"] == "protected", f"{side.node} is {status['state']}"
            found.append(datetime.datetime.fromisoformat(status["since"]).timestamp())
        return found


def valid_outcome(record, side):
    """Every key of the contract is there, with a value of its kind; further keys are free."""
    _shape("outcome", record, _OUTCOME)
    _shape("claim", record["claim"], _CLAIM)
    _shape("guest", record["guest"], _GUEST)
    _shape("durations_ms", record["durations_ms"], _DURATIONS)
    assert record["pair"] == "e2e" and record["node"] == side.node and record["peer"] == side.rig.other(side).node, record
    assert record["claim"]["arbiter"] == side.rig.arbiter.kind, record["claim"]
    assert side.rig.arbiter.kind != "none" or record["claim"]["result"] == "not-needed", record["claim"]
    assert record["evidence"], "no evidence"
    for step in record["steps"]:
        _shape("step", {k: v for k, v in step.items() if k in _STEP}, _STEP)
        if step["result"] == "ok":
            assert step["at_ms"] >= 0 and step["ms"] >= 0, step
    if record["cause"] == "unknown":  # it was over before the ftd that tells it came
        assert record["result"] == "success" and record["steps"] == [], record
    elif record["result"] == "success":
        decisive = [s for s in record["steps"] if s["command"] == "x-colo-lost-heartbeat"]
        assert decisive and decisive[-1]["result"] in ("ok", "skipped", "error"), record["steps"]
        total, parts = record["durations_ms"]["total"], record["durations_ms"]
        assert all(parts[k] is None or 0 <= parts[k] <= total for k in parts), parts


def yanked(record):
    """The yanks of the plan, all of which must have been answered; but what ftd had yanked before, as QEMU waited for its peer,
    may be gone by then."""
    steps = [s for s in record["steps"] if s["command"] == "yank"]
    before = any("broken on purpose" in e["what"] for e in record["evidence"])
    good = ("ok", "skipped") if before else ("ok",)
    assert steps, "no yank in the plan"
    assert all(s["channel"] == "oob" and s["result"] in good for s in steps), steps
    return steps


def forgotten_peer(side):
    """No connection of this side's QEMU can lead to the peer any more: query-yank lists only the monitors."""
    def left():
        try:
            return [i for i in side.qemu.obs.command("query-yank") if not i.get("id", "").startswith("compat_monitor")]
        except QmpTimeout:
            return ["no answer"]
    wait(lambda: not left(), f"{side.node}'s QEMU to drop the peer: {left()}")


def _shape(what, value, shape):
    assert set(shape) <= set(value), f"{what} lacks {set(shape) - set(value)}"
    for key, allowed in shape.items():
        if isinstance(allowed, tuple) and isinstance(allowed[0], str):
            assert value[key] in allowed, f"{what}.{key}: {value[key]!r}, allowed {allowed}"
        else:
            assert isinstance(value[key], allowed) and not isinstance(value[key], bool), f"{what}.{key}: {value[key]!r}"
