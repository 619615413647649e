"""What ftd does not do while all is well: nothing on the way of a heartbeat waits for memory, a disk, a name or a log."""

import time

from tests.e2e.harness import protected
from tests.e2e.registry import on_either
from tests.e2e.witness import Witness

WATCHED = 3.0  # seconds
INTERVAL_MS = 10
SETTINGS = {"heartbeat.interval_ms": INTERVAL_MS, "heartbeat.lost_after": 100}  # a busy machine is no matter here


def on_heartbeats_way(places):
    """From the turn of the links, in which heartbeats are received, judged, handed to the core and sent; or the core's alarm."""
    return any(at.startswith("heartbeat/links.c") or function == "on_core_alarm" for function, at in places)


@on_either
def heartbeats_wait_for_nothing(role):
    # Without sanitizers, which allocate on their own.
    with protected(build="build", arbiter="file", settings=SETTINGS) as rig:
        side = rig.side(role)
        witness = Witness(rig.pair.slot.dir, rig.ftd)
        side.stop_ftd()
        side.start_ftd(inside=witness.argv)
        rig.wait_protected()
        before, began = witness.calls(), side.status()
        time.sleep(WATCHED)
        after, ended = witness.calls(), side.status()

        assert ended["state"] == "protected", ended
        beats = sum(link["received"] for link in ended["links"]) - sum(link["received"] for link in began["links"])
        assert beats > WATCHED * 1000 / INTERVAL_MS, f"only {beats} heartbeats were received"
        made = after - before
        # The control socket and QMP allocate as they like: so the witness would have seen it.
        assert sum(made.values()) > 0, "the witness sees nothing"
        hot = [f"{n} x {call.name}: {witness.where(call)}" for call, n in made.items() if on_heartbeats_way(witness.where(call))]
        assert not hot, "\n".join(hot)
