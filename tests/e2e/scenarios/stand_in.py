"""The stand-in for QEMU with which hundreds of pairs are tried must be taken by ftd for what it stands for."""

import itertools
import json
import os
import subprocess

from tests.bench.live.scale import Fleet
from tests.e2e.arbiters import NoArbiter
from tests.e2e.harness import protected, wait
from tests.e2e.registry import scenario
from tests.pair.pair import FREE
from tests.pair.slot import Slot


def _plan(ftctl, conf):
    run = subprocess.run([ftctl, "-c", conf, "--json", "check"], capture_output=True, text=True, timeout=60, check=False)
    plan = json.loads(run.stdout)["plan"]
    assert plan, run.stdout
    return _in_order(plan)


def _in_order(steps):
    """The steps, those of one command that follow each other by name: QEMU lists its objects in no order, and 11.1 in another
    one than 7.2."""
    return [s for _, run in itertools.groupby(steps, lambda s: (s["command"], s["channel"]))
            for s in sorted(run, key=lambda s: s["what"] or "")]


def _told(record):
    """What of an outcome does not depend on time."""
    steps = [(s["command"], s["what"], s["channel"], s["result"]) for s in _in_order(record["steps"])]
    return record["cause"], record["result"], steps, record["guest"]


@scenario
def stand_in_is_taken_for_a_qemu():
    with protected(arbiter="none", wiring="replication") as rig:  # the stand-in's, too
        real_plans = [_plan(rig.ftctl, s.conf) for s in rig.sides]
        rig.alpha.qemu.kill()
        real = _told(wait(rig.beta.outcomes, "the real pair's outcome")[0])
    slot = Slot()
    try:
        fleet = Fleet(slot.dir, 1, NoArbiter(), os.path.dirname(rig.ftd), first_port=slot.base + FREE)
        fleet.up()
        plans = [_plan(fleet.ftctl, s.conf) for s in fleet.sides]
        assert plans == real_plans, (plans, real_plans)
        os.kill(fleet.sides[0].qemu, 9)
        played = _told(wait(fleet.sides[1].outcomes, "the stand-ins' outcome")[0])
        assert played == real, (played, real)
    finally:
        fleet.down()
        slot.release()
