"""What ftd does not do while all is well: nothing on the way of a heartbeat waits for memory, a disk, a name or a log."""

from tests.e2e.harness import protected, wait
from tests.e2e.registry import on_either
from tests.e2e.witness import Witness

BEATS = 400  # to be watched
SETTINGS = {"heartbeat.interval_ms": 20, "heartbeat.lost_after": 100}  # many, and a busy machine does not matter


def on_heartbeats_way(places):
    """From the turn of the links, in which heartbeats are received, judged, handed to the core and sent; or the core's alarm."""
    return any(at.startswith("heartbeat/links.c") or function == "on_core_alarm" for function, at in places)


def hear(side, beats):
    """Until it has received so many heartbeats more."""
    def received():
        return sum(link["received"] for link in side.status()["links"])
    enough = received() + beats
    wait(lambda: received() >= enough, f"{side.node} to receive {beats:g} heartbeats")


@on_either
def heartbeats_wait_for_nothing(role):
    # Without sanitizers, which allocate on their own.
    with protected(build="build", arbiter="file", settings=SETTINGS) as rig:
        side = rig.side(role)
        witness = Witness(rig.pair.slot.dir, rig.ftd)
        side.stop_ftd()
        side.start_ftd(inside=witness.argv)
        rig.wait_protected()
        # What a predecessor has asked the arbiter is looked up until it cannot come true any more.
        wait(lambda: not side.status()["session"]["doubtful"], "all claims to be known", 40)
        hear(side, BEATS / 4)  # what belongs to the change of state is over
        before = witness.calls()
        hear(side, BEATS)
        made = witness.calls() - before
        assert side.state() == "protected", side.status()
        # The control socket and QMP allocate as they like: so the witness would have seen it.
        assert sum(made.values()) > 0, "the witness sees nothing"
        hot = [f"{n} x {call.name}: {witness.where(call)}" for call, n in made.items() if on_heartbeats_way(witness.where(call))]
        assert not hot, "\n".join(hot)
