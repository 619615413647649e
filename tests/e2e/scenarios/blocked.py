"""A QEMU whose main loop is blocked: it answers nothing in band, and out of band it does.  And one that a cgroup freezer has
stopped.  In the end one guest runs."""

import contextlib
import os
import signal
import socket

from tests.e2e.checks import no_failover, only_one_runs, replicates
from tests.e2e.harness import Skip, protected, stays, wait
from tests.e2e.registry import BOTH, scenario
from tests.e2e.scenarios.partition import namespaces
from tests.pair import cgroups

ARBITERS = ("none", "file", "fence", "etcd")


def each(*values, arbiters=ARBITERS):
    """Registers a scenario for each value, role and arbiter."""
    def register(function):
        for value in values:
            for role in BOTH:
                for arbiter in arbiters:
                    def run(value=value, role=role, arbiter=arbiter):
                        with protected(arbiter=arbiter, network=namespaces() if arbiter == "etcd" else None,
                                       **VALUES.get(value, {})) as rig:
                            function(rig, value, rig.side(role))
                    run.__name__ = f"{function.__name__}[{value},{role},{arbiter}]"
                    scenario(run)
        return function
    return register


class Wait:
    """A monitor command that waits, as for an NBD server that accepts a connection and says nothing: the main loop with it."""

    def __init__(self, qemu):
        self._listener = socket.socket(socket.AF_UNIX)
        path = qemu.path("silent.sock")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        self._listener.bind(path)
        self._listener.listen()
        qemu.obs.send({"execute": "blockdev-add", "id": "silent", "arguments": {
            "driver": "nbd", "node-name": "silent", "server": {"type": "unix", "path": path}}})
        self._connection, _ = self._listener.accept()

    def end(self):
        self._connection.close()
        self._listener.close()


class Disk:
    """The NBD server of the guest's own disk is stopped: a checkpoint waits for it, and the main loop with that."""

    def __init__(self, qemu):
        self._server, = qemu.disk_servers
        self._server.send_signal(signal.SIGSTOP)

    def end(self):
        self._server.send_signal(signal.SIGCONT)


BLOCKS = {"command": Wait, "disk": Disk}
VALUES = {"disk": {"served": True}}


def survives(rig, victim):
    """The guest runs on the other side, alone, and nobody had to be told."""
    survivor, other = only_one_runs(rig)
    assert other is victim, f"{survivor.node} runs the guest, and was to give way"
    assert [r["result"] for r in survivor.outcomes()] == ["success"], survivor.outcomes()
    assert victim.outcomes() == [], victim.outcomes()
    wait(victim.qemu.gone, f"{victim.node}'s QEMU to be ended")


@each(*BLOCKS)
def blocked(rig, how, victim):
    block = BLOCKS[how](victim.qemu)
    survives(rig, victim)
    block.end()


@each("command", arbiters=("none", "file"))
def blocked_on_both_sides(rig, how, first):
    """Whose main loop comes free first goes on; until then nothing is ended, and nobody is frozen."""
    blocks = {s: BLOCKS[how](s.qemu) for s in rig.sides}
    for s in rig.sides:
        s.wait_log("main loop is blocked", "so is the peer's")
    stays(lambda: not any(s.qemu.gone() or s.qemu.stopped() for s in rig.sides), 3, "both are whole")
    assert not any(s.outcomes() for s in rig.sides), [s.outcomes() for s in rig.sides]
    blocks.pop(first).end()
    survives(rig, rig.other(first))
    for block in blocks.values():
        block.end()


@scenario
def a_command_that_takes_its_time_is_no_block():
    with protected(checkpoint_ms=60000) as rig:
        wait_ = Wait(rig.alpha.qemu)
        stays(lambda: rig.beta.state() != "solo", 4, "nobody fails over")
        wait_.end()
        rig.wait_protected()
        since = {s: s.qemu.obs.drain() for s in rig.sides}
        rig.pair.force_checkpoint(rig.alpha.qemu)
        for s in rig.sides:
            s.qemu.obs.wait_event("RESUME", since[s])
            assert s.outcomes() == [], s.outcomes()


@each("v1", "v2")
def frozen_by_its_cgroup(rig, version, victim):
    """As a paused container is.  Whoever thaws it afterwards finds it ended."""
    try:
        group = cgroups.Freezer(version)
    except OSError as e:
        raise Skip(f"no cgroup freezer of version {version[1]}: {e}") from e
    with group:
        group.add(victim.qemu.process.pid)
        said = victim.qemu.said()
        group.freeze()
        wait(lambda: rig.other(victim).state() == "solo", f"{rig.other(victim).node} to be solo")
        group.thaw()
        survives(rig, victim)
        assert victim.qemu.said() - said < 64, "the frozen guest spoke"


@scenario
def frozen_by_its_cgroup_for_a_moment():
    """Too short for anybody to act on."""
    try:
        group = cgroups.Freezer("v2")
    except OSError as e:
        raise Skip(f"no cgroup freezer of version 2: {e}") from e
    with group, protected(checkpoint_ms=100) as rig:
        group.add(rig.alpha.qemu.process.pid)
        for _ in range(20):
            group.freeze()
            group.thaw()
        replicates(rig)
        no_failover(rig)
