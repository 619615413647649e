"""Checkpoints that take long, as those of a big guest do, or on a slow cable: slow is neither blocked nor broken."""

from tests.e2e.checks import no_failover
from tests.e2e.harness import protected, wait
from tests.e2e.registry import scenario
from tests.e2e.scenarios.partition import namespaces

LONG, KBIT = 3.2, 200.0  # seconds; so fast a cable carries one in about that time
LIMIT = 5.0  # five reply timeouts: what a pair is granted that has had short ones only


def took(event_list):
    """How long each checkpoint in these took, in seconds."""
    times = [(e["event"], e["timestamp"]["seconds"] + e["timestamp"]["microseconds"] / 1e6)
             for e in event_list if e["event"] in ("STOP", "RESUME")]
    return [b - a for (stop, a), (resume, b) in zip(times, times[1:]) if (stop, resume) == ("STOP", "RESUME")]


def next_checkpoints(rig, kbit, n=2):
    """The n-th one from now on, on a cable that is so slow."""
    qemu = rig.alpha.qemu
    rig.network.slow_down("alpha", "colo", kbit)
    since = qemu.obs.drain()
    wait(lambda: qemu.obs.drain() and len(took(qemu.obs.events[since:])) >= n, f"{n} checkpoints at {kbit:.0f} kbit/s", 120)
    return took(qemu.obs.events[since:])[n - 1]


@scenario
def checkpoints_that_take_longer_and_longer():
    network = namespaces()
    for host in ("alpha", "beta"):
        network.keep_little_on_the_way(host)
    with protected(network=network) as rig:
        rig.observer.every = 1.0  # what the guest is asked is mirrored on the same cable: more than that carries, at the usual pace
        kbit = KBIT * next_checkpoints(rig, KBIT) / LONG
        next_checkpoints(rig, kbit)
        slowest = next_checkpoints(rig, kbit / 2)
        assert slowest > LIMIT, f"the slowest checkpoint took {slowest:.1f} s, which shows nothing"
        rig.network.slow_down("alpha", "colo", None)
        rig.wait_protected()
        no_failover(rig)
