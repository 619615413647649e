"""QEMU, or the whole side, dies at once."""

import contextlib
import os
import signal

from tests.e2e.checks import HOST_DIED, failed_over, forgotten_peer, is_out, no_failover, survivor_runs
from tests.e2e.harness import Skip, protected, stays, wait
from tests.e2e.registry import on_either
from tests.pair import processes

BIG_MB = 1024


@on_either
def kill_qemu(role):
    with protected() as rig:
        victim = rig.side(role)
        victim.qemu.kill()
        failed_over(rig, rig.other(victim), "peer-vm-gone")
        forgotten_peer(rig.other(victim))
        stays(lambda: victim.state() not in ("protected", "solo", "failing-over"), 1, f"{victim.node} has no guest")


@on_either
def kill_qemu_beside_a_disk_that_hangs(role):
    """The word that gives the right away is never written; the survivor has it from the register."""
    with protected(arbiter="file") as rig:
        victim = rig.side(role)
        os.kill(victim.writer(), signal.SIGSTOP)
        victim.qemu.kill()
        record = failed_over(rig, rig.other(victim), "peer-vm-gone")
        seen = [e["what"] for e in record["evidence"]]
        # Not that it finds none: so it says, a second later, when it has waited for its disk in vain.
        assert any("says that its QEMU has died" in s for s in seen), seen
        assert not any("nobody listening" in s for s in seen), seen


@contextlib.contextmanager
def no_more_processes(ftd):
    """ftd and its children, held to as many as they are: a container, or a unit, that has reached its limit."""
    group = f"/sys/fs/cgroup/pids/ftd-e2e-{ftd.pid}"
    try:
        os.mkdir(group)
    except OSError as e:
        raise Skip(f"no control group that limits processes can be made here: {e}") from e

    def at_rest():
        return all(processes.name(pid).startswith("ftd-") for pid in processes.children(ftd.pid))

    def is_gone():
        with open(os.path.join(group, "cgroup.procs"), encoding="ascii") as f:
            left = f.read().split()
        for pid in left:
            move(pid, "/sys/fs/cgroup/pids")
        with contextlib.suppress(OSError):
            os.rmdir(group)
            return True
        return False

    def move(pid, where):
        with contextlib.suppress(OSError), open(os.path.join(where, "cgroup.procs"), "w", encoding="ascii") as f:
            f.write(str(pid))
    try:
        wait(at_rest, "hooks and trials to have ended")
        mine = [ftd.pid, *processes.children(ftd.pid)]
        for pid in mine:
            move(pid, group)
        with open(os.path.join(group, "pids.max"), "w", encoding="ascii") as f:
            f.write(str(len(mine)))
        yield
    finally:
        wait(is_gone, "the control group to be empty")


@on_either
def kill_host_of_a_peer_that_can_start_no_process(role):
    """What the claim takes was there before.  The hook takes the place that is free afterwards."""
    with protected(arbiter="file", hook=True) as rig:
        victim = rig.side(role)
        survivor = rig.other(victim)
        wait(lambda: survivor.status()["arbiter"]["reachable"], "the arbiter to have been tried")
        with no_more_processes(survivor.ftd):
            victim.kill_host()
            failed_over(rig, survivor, HOST_DIED)
        wait(lambda: any(c["env"]["FT_EVENT"] == "outcome" for c in survivor.hook_calls()), "the hook to be told")


def needs_memory_for_two_big_guests():
    free = processes.available_mb()
    if free < 5 * BIG_MB:  # both guests, the secondary's copy of the primary's memory, and room
        raise Skip(f"two guests of {BIG_MB} MB need {5 * BIG_MB} MB of free memory; there are {free}")
    processes.without_huge_pages()


@on_either
def kill_big_qemu(role):
    """The kernel takes 75 ms a GB to free its memory, and closes nothing before.  It is not waited for."""
    needs_memory_for_two_big_guests()
    with protected(memory_mb=BIG_MB) as rig:
        victim = rig.side(role)
        victim.qemu.kill()
        failed_over(rig, rig.other(victim), "peer-vm-gone")
        victim.wait_log("is dying")


@on_either
def kill_host(role):
    with protected() as rig:
        victim = rig.side(role)
        victim.kill_host()
        record = failed_over(rig, rig.other(victim), HOST_DIED)
        assert record["durations_ms"]["detection"] > 0, record["durations_ms"]
        # Whatever was noticed first, it was the silence that gave the right to go on: the record must say so.
        assert any("heartbeat" in e["what"] for e in record["evidence"]), record["evidence"]
        is_out(victim)


@on_either
def kill_qemu_with_other_ids(role):
    """Two disks, two NICs, and not one id as in QEMU's documentation."""
    with protected(renamed=True, disks=2, nics=2) as rig:
        victim = rig.side(role)
        victim.qemu.kill()
        survivor = rig.other(victim)
        failed_over(rig, survivor, "peer-vm-gone")
        forgotten_peer(survivor)


@on_either
def kill_qemu_without_nics(role):
    with protected(nics=0) as rig:
        victim = rig.side(role)
        victim.qemu.kill()
        failed_over(rig, rig.other(victim), "peer-vm-gone")


@on_either
def kill_ftd(role):
    """A dead ftd is no reason to fail over: its guest lives.  It is an alarm, and heals."""
    with protected() as rig:
        victim = rig.side(role)
        witness = rig.other(victim)
        said = len(witness.log_text())
        victim.kill_ftd()
        witness.wait_state("unprotected")
        witness.wait_log("unprotected", since=said)
        stays(lambda: witness.state() == "unprotected", 3, f"{witness.node} is unprotected")
        no_failover(rig)
        victim.start_ftd()
        rig.wait_protected()
        no_failover(rig)


@on_either
def kill_and_restart_ftd_at_once(role):
    with protected() as rig:
        victim = rig.side(role)
        victim.kill_ftd()
        victim.start_ftd()
        rig.wait_protected()
        assert victim.status()["role"] == role, victim.status()
        no_failover(rig)


@on_either
def protect_again(role):
    """After a failover the survivor gets a new secondary, is protected anew, and can be survived in its turn."""
    with protected() as rig:
        victim, survivor = rig.side(role), rig.other(rig.side(role))
        victim.qemu.kill()
        failed_over(rig, survivor, "peer-vm-gone")
        rig.pair.start_secondary(victim.qemu, survivor.qemu)
        rig.wait_protected()
        assert (survivor.status()["role"], victim.status()["role"]) == ("primary", "secondary")
        survivor.qemu.kill()
        victim.wait_state("solo")
        survivor_runs(victim, "secondary")
        is_out(survivor)
        assert [r["result"] for r in victim.outcomes()] == ["success"], victim.outcomes()
        assert len(survivor.outcomes()) == 1, survivor.outcomes()
