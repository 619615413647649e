"""Processes that are stopped and not dead: QEMU, ftd, or both."""

from tests.e2e.checks import failed_over, is_out, no_failover, survivor_runs, yanked
from tests.e2e.harness import protected, stays, wait
from tests.e2e.registry import on_either
from tests.pair.monitor import QmpTimeout

# Which ftd is first to say so is open: the one beside the frozen QEMU, or the one whose replication stands still.
# The word that it yields waits for the disk; where that takes longer than the detection time, the other's right ends first.
FROZEN_QEMU = ("peer-yielded", "peer-vm-gone", "replication-broken", "peer-lost")


def freeze_in_checkpoint(victim, survivor):
    """Stops the victim's QEMU while the survivor's waits for it in the midst of a checkpoint."""
    for _ in range(50):
        stopped = survivor.obs.wait_event("STOP", survivor.obs.drain())
        victim.freeze()
        try:
            survivor.obs.wait_event("RESUME", stopped, seconds=0.05)
        except QmpTimeout:
            return
        victim.wake()  # the checkpoint was over by then
    raise AssertionError("50 checkpoints, and not one was caught under way")


@on_either
def freeze_qemu_between_checkpoints(role):
    with protected(checkpoint_ms=2000) as rig:
        victim, survivor = rig.side(role), rig.other(rig.side(role))
        survivor.qemu.obs.wait_event("RESUME", survivor.qemu.obs.drain())
        victim.qemu.freeze()
        yanked(failed_over(rig, survivor, FROZEN_QEMU))
        wait(victim.qemu.gone, f"{victim.node}'s frozen QEMU to be ended")
        victim.wait_state("fenced")


@on_either
def freeze_qemu_in_checkpoint(role):
    """Here the survivor's monitor may hang, by phase: then it can be commanded only after the yank."""
    with protected() as rig:
        victim, survivor = rig.side(role), rig.other(rig.side(role))
        freeze_in_checkpoint(victim.qemu, survivor.qemu)
        yanked(failed_over(rig, survivor, FROZEN_QEMU))
        wait(victim.qemu.gone, f"{victim.node}'s frozen QEMU to be ended")
        victim.wait_state("fenced")


@on_either
def freeze_host_and_wake_it(role):
    """Whoever wakes up in a world that went on without it ends its own guest."""
    with protected() as rig:
        victim, survivor = rig.side(role), rig.other(rig.side(role))
        victim.freeze_ftd()
        victim.qemu.freeze()
        failed_over(rig, survivor, ("peer-lost", "replication-broken"))
        victim.qemu.wake()
        victim.wake_ftd()
        victim.wait_state("fenced")
        wait(victim.qemu.gone, f"{victim.node}'s QEMU to be ended")
        assert victim.outcomes() == [], victim.outcomes()
        assert survivor.state() == "solo"
        survivor_runs(survivor, "secondary" if role == "primary" else "primary")


@on_either
def freeze_ftd_beyond_the_detection_time(role):
    """One that was stopped has heard nothing, which says nothing of its peer."""
    # 2 s, in which a checkpoint every 100 ms ends on the busiest machine: the witness's sign of life.
    with protected(checkpoint_ms=100, settings={"heartbeat.lost_after": 20}) as rig:
        victim, witness = rig.side(role), rig.other(rig.side(role))
        victim.freeze_ftd()
        stays(lambda: witness.state() not in ("solo", "failing-over", "claiming"), 4, f"{witness.node} does not fail over")
        victim.wake_ftd()
        rig.wait_protected()
        no_failover(rig)
        assert not rig.alpha.qemu.gone() and not rig.beta.qemu.gone()


@on_either
def freeze_host_then_kill_it(role):
    """A frozen side that dies later changes nothing for the survivor."""
    with protected() as rig:
        victim, survivor = rig.side(role), rig.other(rig.side(role))
        victim.freeze_ftd()
        victim.qemu.freeze()
        failed_over(rig, survivor, ("peer-lost", "replication-broken"))
        victim.kill_host()
        is_out(victim)
        stays(lambda: survivor.state() == "solo", 1, "the survivor is solo")
        assert len(survivor.outcomes()) == 1
