"""A person orders the failover: SIGUSR1, ftctl failover."""

import json
import os
import re
import signal

from tests.e2e.checks import HOST_DIED, failed_over, survivor_runs, valid_outcome
from tests.e2e.harness import protected, wait
from tests.e2e.registry import on_either, scenario


def peer_yielded(peer):
    peer.wait_state("fenced")
    wait(peer.qemu.gone, f"{peer.node}'s QEMU to be ended")


@on_either
def sigusr1(role):
    with protected() as rig:
        side = rig.side(role)
        side.ftd.send_signal(signal.SIGUSR1)
        failed_over(rig, side, "signal")
        peer_yielded(rig.other(side))


@on_either
def ftctl_failover(role):
    with protected() as rig:
        side = rig.side(role)
        order = side.ftctl("failover", "--json")
        assert order.returncode == 0, (order.stdout, order.stderr)
        record = failed_over(rig, side, "operator")
        assert json.loads(order.stdout) == record, order.stdout
        peer_yielded(rig.other(side))

        again = side.ftctl("failover")
        assert again.returncode == 4, (again.returncode, again.stdout, again.stderr)
        refused = side.outcomes()[-1]
        valid_outcome(refused, side)
        assert refused["result"] == "refused" and refused["cause"] == "operator" and refused["error"], refused
        assert refused["role_before"] == "solo", refused
        assert len(side.outcomes()) == 2
        survivor_runs(side, role)

        in_vain = rig.other(side).ftctl("failover")
        assert in_vain.returncode == 4, (in_vain.returncode, in_vain.stdout, in_vain.stderr)
        assert side.state() == "solo"


@on_either
def sigusr1_with_a_dead_peer(role):
    """The peer's ftd had said goodbye, so nothing happens by itself when its host dies; a person decides."""
    with protected() as rig:
        side, dead = rig.side(role), rig.other(rig.side(role))
        dead.stop_ftd()
        side.wait_state("unprotected")
        os.kill(int(re.search(r"process (\d+) stays", dead.log_text())[1]), signal.SIGKILL)  # it would tell of the death
        dead.qemu.kill()
        side.ftd.send_signal(signal.SIGUSR1)
        failed_over(rig, side, "signal")


@on_either
def sigusr1_just_after_the_peer_died(role):
    """An order that arrives while the silence is still being judged leads to the one failover there is."""
    with protected() as rig:
        side = rig.side(role)
        rig.other(side).kill_host()
        side.ftd.send_signal(signal.SIGUSR1)
        failed_over(rig, side, (*HOST_DIED, "signal"))


@scenario
def both_ordered_at_once():
    """Two people order opposite failovers: one guest goes on, never two, never none."""
    with protected() as rig:
        for s in rig.sides:
            s.ftd.send_signal(signal.SIGUSR1)
        wait(lambda: "solo" in [s.state() for s in rig.sides], "one side to be solo")
        survivor = next(s for s in rig.sides if s.state() == "solo")
        peer = rig.other(survivor)
        peer_yielded(peer)
        survivor_runs(survivor, "primary" if survivor is rig.alpha else "secondary")
        assert [r["result"] for r in survivor.outcomes()] == ["success"], survivor.outcomes()
        assert "success" not in [r["result"] for r in peer.outcomes()], peer.outcomes()
