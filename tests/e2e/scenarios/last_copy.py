"""The winner's QEMU dies before its guest runs: the copy that lost, or yielded, is still there, and goes on."""

import json
import os
import shutil
import signal

from tests.e2e.checks import only_one_runs, survivor_runs
from tests.e2e.harness import protected, stays, wait
from tests.e2e.registry import scenario
from tests.e2e.scenarios.ends import every
from tests.e2e.scenarios.fencing import powered_off, wire
from tests.e2e.scenarios.partition import namespaces
from tests.e2e.watch import Watch

FLUSH_MS = 3000  # the promotion waits for it once at least: so long is certainly nobody proven


@every(("sigusr1",), roles=("secondary",))  # a primary's promotion waits for nothing
def promotion_dies(_way, role, arbiter):
    with protected(arbiter=arbiter, network=namespaces() if arbiter == "etcd" else None, flush_ms=FLUSH_MS,
                   flush_later=True) as rig:
        winner = rig.side(role)
        loser = rig.other(winner)
        with Watch(rig):
            winner.qemu.flush_slowly()  # now: a checkpoint that flushes, too, would hold QEMU up before the order comes
            winner.ftd.send_signal(signal.SIGUSR1)
            winner.wait_log("failing-over")
            loser.wait_state("fenced")
            stays(lambda: not loser.qemu.gone(), 0.5, f"{loser.node}'s copy is kept")
            winner.qemu.kill()
            survivor, _ = only_one_runs(rig)
        assert survivor is loser, f"{survivor.node} runs the guest"
        survivor_runs(loser, "primary" if loser is rig.alpha else "secondary")
        assert [r["result"] for r in winner.outcomes()] == ["failed"], winner.outcomes()
        assert [r["result"] for r in loser.outcomes()] == ["success"], loser.outcomes()


def _stage(side):
    with open(os.path.join(side.state_dir, "session"), encoding="ascii") as file:
        return json.load(file)["stage"]


def _is_refused(side):
    asked = side.ftctl("may-start")
    said = asked.stdout + asked.stderr
    assert asked.returncode == 1, said
    return said


@scenario
def a_winner_whose_session_was_taken_may_not_start():
    """Its host died before its guest ran, a person let the other copy go on, and its own disk says that it has won."""
    with protected(arbiter="file", flush_ms=FLUSH_MS, flush_later=True) as rig:
        winner, loser = rig.beta, rig.alpha
        winner.qemu.flush_slowly()
        winner.ftd.send_signal(signal.SIGUSR1)
        winner.wait_log("failing-over")
        loser.wait_state("fenced")
        # An order before it has read who won is answered by that: lost-claim.
        wait(lambda: _stage(loser) == "ended", "the loser to know who won")
        winner.kill_host()
        loser.wait_state("held")
        order = loser.ftctl("failover", "--confirm-fenced")
        assert order.returncode == 0, (order.stdout, order.stderr)
        survivor_runs(loser, "primary")
        loser.stop_ftd()  # nobody speaks for the guest that runs there
        disk = os.path.join(winner.state_dir, "session")
        shutil.copy(disk, disk + ".then")
        assert "the other side ended the last session" in _is_refused(winner)
        os.replace(disk + ".then", disk)
        winner.start_ftd()
        assert "the other side ended the last session" in _is_refused(winner)
        loser.start_ftd()
        loser.wait_state("solo")


@scenario
def a_silent_winner_is_powered_off_by_the_loser():
    """Its whole host stands still in the midst of its promotion.  Nobody is asked: the loser's fence settles it."""
    with protected(arbiter="file and fence", flush_ms=FLUSH_MS, flush_later=True) as rig:
        winner, loser = rig.beta, rig.alpha
        winner.qemu.flush_slowly()
        wire(rig)
        winner.ftd.send_signal(signal.SIGUSR1)
        winner.wait_log("failing-over")
        loser.wait_state("fenced")
        winner.freeze_host()
        loser.wait_state("held")
        stays(lambda: powered_off(rig) == {winner.node: 0, loser.node: 0}, 5, "the winner is waited for")
        wait(lambda: powered_off(rig)[winner.node], "its power to be cut", seconds=180)
        loser.wait_state("solo")
        survivor_runs(loser, "primary")
        wait(winner.qemu.gone, "the winner's QEMU to be gone")
        assert powered_off(rig) == {winner.node: 1, loser.node: 0}, powered_off(rig)
        assert [r["result"] for r in loser.outcomes()] == ["success"], loser.outcomes()
        assert "the other side ended the last session" in _is_refused(winner)


@scenario
def a_winner_that_hangs_is_ended_by_a_person():
    """Its next ftd finds a QEMU that answers nothing, and may have run: nothing is given back by itself.  Both sides say what to do."""
    with protected(arbiter="file", flush_ms=600_000, flush_later=True) as rig, Watch(rig):
        winner, loser = rig.beta, rig.alpha
        winner.qemu.flush_slowly()
        winner.ftd.send_signal(signal.SIGUSR1)
        winner.wait_log("failing-over")
        loser.wait_state("fenced")
        winner.kill_ftd()
        winner.start_ftd()
        winner.wait_log("our QEMU answers nothing; the peer's copy waits")
        loser.wait_log("not seen to run the guest; if it never will")
        assert "ftctl failover --confirm-fenced" in loser.ftctl("check").stdout
        order = loser.ftctl("failover", "--confirm-fenced")
        assert order.returncode == 4, (order.stdout, order.stderr)
        stays(lambda: not loser.qemu.gone() and not winner.qemu.gone(), 1, "both copies are kept")
        winner.qemu.kill()
        wait(lambda: winner.status()["qemu"]["vm"] != "alive", "the winner's ftd to see it")
        order = loser.ftctl("failover", "--confirm-fenced")
        assert order.returncode == 0, (order.stdout, order.stderr)
        survivor_runs(loser, "primary")
