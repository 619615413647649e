"""The winner's QEMU dies before its guest runs: the copy that lost, or yielded, is still there, and goes on."""

import signal

from tests.e2e.checks import only_one_runs, survivor_runs
from tests.e2e.harness import protected, stays
from tests.e2e.scenarios.ends import every
from tests.e2e.scenarios.partition import namespaces
from tests.e2e.watch import Watch

FLUSH_MS = 3000  # the promotion waits for it once at least: so long is certainly nobody proven


@every(("sigusr1",), roles=("secondary",))  # a primary's promotion waits for nothing
def promotion_dies(_way, role, arbiter):
    with protected(arbiter=arbiter, network=namespaces() if arbiter == "etcd" else None, flush_ms=FLUSH_MS,
                   flush_later=True) as rig:
        winner = rig.side(role)
        loser = rig.other(winner)
        winner.qemu.flush_slowly()
        with Watch(rig):
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
