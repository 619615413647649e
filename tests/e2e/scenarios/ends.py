"""QEMU is ended in order, as at a host's shutdown: the guest goes on on the other side, whoever is ended first.  And one that
ends for good: its guest has powered itself off, or both ftd were told to leave before."""

import contextlib
import os
import signal

from tests.e2e.checks import survivor_runs
from tests.e2e.harness import WAIT, protected, stays, wait
from tests.e2e.registry import BOTH, scenario
from tests.e2e.scenarios.partition import namespaces
from tests.e2e.watch import Watch
from tests.pair import processes
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


def with_each(arbiters):
    def register(function):
        for arbiter in arbiters:
            def run(arbiter=arbiter):
                function(arbiter)
            run.__name__ = f"{function.__name__}[{arbiter}]"
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
    survivor = rig.other(victim)
    survivor.wait_state("solo")
    survivor_runs(survivor, "primary" if survivor is rig.alpha else "secondary")
    wait(victim.qemu.gone, f"{victim.node}'s QEMU to be gone")
    stays(lambda: survivor.state() == "solo", 1, f"{survivor.node} runs the guest alone")
    assert [r["result"] for r in survivor.outcomes()] == ["success"], survivor.outcomes()
    assert not [r for r in victim.outcomes() if r["result"] == "success"], victim.outcomes()


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


def ftd_goes(side):
    side.ftd.send_signal(signal.SIGTERM)


def ftd_has_gone(side):
    side.stop_ftd()


# A host shuts down: in which order its ftd and its QEMU are ended, nobody knows.
ORDERS = {"ftd-then-qemu": (ftd_has_gone, lambda s: sigterm(s.qemu)), "ftd-and-qemu": (ftd_goes, lambda s: sigterm(s.qemu)),
          "qemu-and-ftd": (lambda s: sigterm(s.qemu), ftd_goes)}


@every(ORDERS)
def host_shuts_down(order, role, arbiter):
    with protected(arbiter=arbiter, network=namespaces() if arbiter == "etcd" else None, flush_ms=FLUSH_MS) as rig:
        victim = rig.side(role)
        with Watch(rig):
            for end in ORDERS[order]:
                end(victim)
            goes_on_elsewhere(rig, victim)
            assert victim.ftd.wait(WAIT) == 0, victim.ftd.returncode


@scenario
def both_ftd_leave_before_their_qemus_end():
    """A guest that is ended on purpose: nobody goes on with it."""
    with protected(arbiter="file") as rig:
        for s in rig.sides:
            s.stop_ftd()
        for s in rig.sides:
            sigterm(s.qemu)
        for s in rig.sides:
            wait(s.qemu.gone, f"{s.node}'s QEMU to be gone")
            s.start_ftd()
        stays(lambda: all(s.state() not in ("solo", "failing-over", "claiming") for s in rig.sides), 2, "nobody goes on")


@every(("ftd",), arbiters=("file",))
def an_ftd_that_comes_back_relieves_its_herald(_way, role, arbiter):
    with protected(arbiter=arbiter) as rig:
        victim = rig.side(role)
        victim.stop_ftd()
        victim.start_ftd()
        rig.wait_protected()
        with open(os.path.join(victim.state_dir, "herald"), encoding="ascii") as f:
            herald = int(f.read())
        assert processes.state(herald) in (None, "Z"), "the herald is still there"
        sigterm(victim.qemu)
        goes_on_elsewhere(rig, victim)


@every(("disk",))
def the_disk_fails(_way, role, arbiter):
    """The guest is moved to the good copy, while that is there."""
    with protected(arbiter=arbiter, network=namespaces() if arbiter == "etcd" else None, flush_ms=0) as rig:
        victim = rig.side(role)
        with Watch(rig):
            victim.qemu.break_disk()
            # A primary whose disk leads there without the replication driver flushes the peer's copy itself, and may be first.
            told_by_peer = role == "secondary" and rig.pair.wiring == "nbd"
            wait(lambda: "disk is BAD" in victim.log_text()
                 or (told_by_peer and "cannot be written to the peer" in rig.other(victim).log_text()), "the disk's fault to be told")
            goes_on_elsewhere(rig, victim)


def powers_off(qemu):
    """Its guest does, once it is asked in a moment in which it runs."""
    def gone():
        with contextlib.suppress(QmpTimeout, QmpError, OSError):
            qemu.press("p")
        return qemu.gone()
    wait(gone, f"{qemu.name}'s guest to power itself off")


def runs_nowhere(rig):
    for s in rig.sides:
        wait(s.qemu.gone, f"{s.node}'s QEMU to be gone")
    stays(lambda: all(s.state() not in ("solo", "failing-over", "claiming") for s in rig.sides), 1, "nobody goes on")
    assert not [r for s in rig.sides for r in s.outcomes()], [s.outcomes() for s in rig.sides]


@with_each(("none", "file", "fence"))
def the_guest_powers_itself_off(arbiter):
    with protected(arbiter=arbiter) as rig:
        powers_off(rig.alpha.qemu)
        runs_nowhere(rig)


@with_each(("none", "file", "fence"))
def the_guest_powers_itself_off_in_a_qemu_that_stays(arbiter):
    """Nothing is failed over from, and what is done to that QEMU later ends the copy, too."""
    with protected(arbiter=arbiter, stays=True) as rig:
        def off():
            rig.alpha.qemu.press("p")
            return rig.alpha.status()["reason"] == "the guest has powered itself off"
        wait(off, "alpha to say that its guest is off")
        stays(lambda: all(s.state() == "unprotected" and not s.qemu.gone() for s in rig.sides), 3, "nothing is done")
        quit_(rig.alpha.qemu)
        runs_nowhere(rig)
