"""QEMU is ended in order, as at a host's shutdown: the guest goes on on the other side, whoever is ended first.  And one that
ends for good: its guest has powered itself off, or both ftd were told to leave before."""

import signal

from tests.e2e.checks import only_one_runs, survivor_runs
from tests.e2e.harness import protected, wait
from tests.e2e.registry import BOTH, scenario
from tests.e2e.scenarios.partition import namespaces
from tests.e2e.watch import Watch
from tests.pair.monitor import QmpError, QmpTimeout

FLUSH_MS = 100  # what the guest's disk takes for one


def every(ways, arbiters=("none", "file", "fence", "etcd"), roles=BOTH):
    """Registers a scenario for each way, role and arbiter."""
    def register(function):
        for way in ways:
            for role in roles:
                for arbiter in arbiters:
                    def run(way=way, role=role, arbiter=arbiter):
                        function(way, role, arbiter)
                    run.__name__ = f"{function.__name__}[{way},{role},{arbiter}]"
                    scenario(run)
        return function
    return register


def sigterm(qemu):
    qemu.process.send_signal(signal.SIGTERM)


def quit_(qemu):
    try:
        qemu.obs.command("quit")
    except (QmpTimeout, QmpError, OSError):
        pass  # it may be gone before it answers


ENDS = {"sigterm": sigterm, "quit": quit_}


def goes_on_elsewhere(rig, victim):
    """The guest runs on the other side, alone; and nobody has had to be told."""
    survivor, other = only_one_runs(rig)
    assert other is victim, f"{survivor.node} runs the guest, and was to end"
    assert [r["result"] for r in survivor.outcomes()] == ["success"], survivor.outcomes()
    assert not [r for r in victim.outcomes() if r["result"] == "success"], victim.outcomes()
    wait(victim.qemu.gone, f"{victim.node}'s QEMU to be gone")


def ended(way, role, arbiter, **options):
    with protected(arbiter=arbiter, network=namespaces() if arbiter == "etcd" else None, **options) as rig:
        victim = rig.side(role)
        with Watch(rig):
            ENDS[way](victim.qemu)
            goes_on_elsewhere(rig, victim)


@every(ENDS)
def orderly_end(way, role, arbiter):
    ended(way, role, arbiter)


@every(ENDS)
def orderly_end_with_a_slow_disk(way, role, arbiter):
    ended(way, role, arbiter, flush_ms=FLUSH_MS)


@every(("disk",))
def the_disk_fails(_way, role, arbiter):
    """The guest is moved to the good copy, while that is there."""
    with protected(arbiter=arbiter, network=namespaces() if arbiter == "etcd" else None, flush_ms=0) as rig:
        victim = rig.side(role)
        with Watch(rig):
            victim.qemu.break_disk()
            victim.wait_log("disk is BAD")
            goes_on_elsewhere(rig, victim)
