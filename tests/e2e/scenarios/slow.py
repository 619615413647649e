"""Checkpoints that take long, as those of a big guest do, or on a slow cable: slow is neither blocked nor broken."""

import contextlib
import threading
import time

from tests.e2e.checks import Calm, failed_over, no_failover
from tests.e2e.harness import protected, wait
from tests.e2e.registry import scenario
from tests.e2e.scenarios.ends import with_each
from tests.e2e.scenarios.partition import namespaces
from tests.pair import dialect
from tests.pair.monitor import Monitor, QmpError, QmpTimeout

LONG, KBIT = 3.2, 200.0  # seconds; so fast a cable carries one in about that time
STEP = 1.2  # so much slower each time
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
    wait(lambda: qemu.obs.drain() and len(took(qemu.obs.events[since:])) >= n, f"{n} checkpoints at {kbit} kbit/s", 120)
    return took(qemu.obs.events[since:])[n - 1]


@scenario
def checkpoints_that_take_longer_and_longer():
    network = namespaces()
    for host in ("alpha", "beta"):
        network.keep_little_on_the_way(host)
    with protected(network=network) as rig:
        rig.observer.every = 1.0  # what the guest is asked is mirrored on the same cable: more than that carries, at the usual pace
        kbit = KBIT * next_checkpoints(rig, KBIT) / LONG
        while next_checkpoints(rig, kbit) <= LIMIT:  # they vary, to twice as long even: a longer step would reach three times the longest
            kbit /= STEP
        rig.network.slow_down("alpha", "colo", None)
        rig.wait_protected()
        no_failover(rig)


REPLY_TIMEOUT = 1.0  # seconds, as in the shipped example
GRANTED = 4 * REPLY_TIMEOUT  # to an answer within a checkpoint, where there were short ones only
MUCH_KBIT = 1700.0  # so fast a cable carries what a guest that changes much has changed in about LONG
CAUSES = ("peer-vm-gone", "replication-broken", "peer-lost")


class Asker:
    """Asks a QEMU in band, as ftd does, time and again, and notes how long each answer took."""

    def __init__(self, qemu):
        self._monitor = Monitor(qemu.watch_socket)
        self._took, self._asked, self._ended = [], time.monotonic(), False
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def longest(self):
        """Of those since it was last asked for."""
        took, self._took = self._took, []
        return max(took, default=0.0)

    def waits(self):
        """So long already, for an answer that has not come."""
        assert not self._ended, "QEMU has left"
        return time.monotonic() - self._asked

    def _work(self):
        with contextlib.suppress(QmpTimeout):  # it is killed in the end
            while True:
                self._asked = time.monotonic()
                self._monitor.command("query-status", seconds=120)
                self._took.append(time.monotonic() - self._asked)
                time.sleep(0.02)
        self._ended = True


def changes_much(rig):
    """From here on, alpha's guest does."""
    def does():
        with contextlib.suppress(QmpError):
            rig.alpha.qemu.press("m")
        return rig.alpha.qemu.changes_much()
    wait(does, "the guest to change much memory")


def slow_ones(rig, asker, kbit, n):
    """n checkpoints at that speed, during which QEMU answers later than ftd usually waits; returns how late at most."""
    next_checkpoints(rig, kbit, 1)  # it may have begun before
    asker.longest()
    next_checkpoints(rig, kbit, n)
    late = asker.longest()
    assert late > REPLY_TIMEOUT, f"no answer took longer than {late:.1f} s, which shows nothing"
    return late


def stays_a_pair(rig, calm, granted, late):
    """Nothing has come of it.  Where a busy machine made an answer take longer than is granted, a side may say so meanwhile."""
    if late < granted:
        calm.check()
    rig.wait_protected()
    for s in rig.sides:
        assert not s.qemu.gone() and not s.qemu.stopped(), f"{s.node}'s QEMU was ended, or stands still"
        assert not [w for w in ("broken on purpose", "yield", "claiming", "suspect") if w in s.log_text()], s.log_text()


@with_each(("none", "file"))
def answers_that_wait_for_a_whole_checkpoint(arbiter):
    """One side's QEMU answers nothing while a checkpoint's memory goes over: slow is not blocked, and a death is still seen."""
    network = namespaces()
    for host in ("alpha", "beta"):
        network.keep_little_on_the_way(host)
    with protected(arbiter=arbiter, network=network) as rig:
        rig.observer.every = 1.0  # as above
        asker = Asker(rig.side(dialect.silent_while_memory_goes_over()).qemu)
        changes_much(rig)
        calm = Calm(rig)
        late = slow_ones(rig, asker, MUCH_KBIT, 2)  # out of nothing
        stays_a_pair(rig, calm, GRANTED, late)
        calm = Calm(rig)
        since = rig.alpha.qemu.obs.drain()
        late = slow_ones(rig, asker, MUCH_KBIT / 2, 2)  # beyond what any pair is granted
        slowest = max(took(rig.alpha.qemu.obs.events[since:]))
        assert slowest > LIMIT, f"the slowest checkpoint took {slowest:.1f} s, which shows nothing"
        stays_a_pair(rig, calm, REPLY_TIMEOUT + 2 * LONG, late)
        rig.network.slow_down("alpha", "colo", None)
        next_checkpoints(rig, None)
        no_failover(rig)
        rig.network.slow_down("alpha", "colo", MUCH_KBIT)
        wait(lambda: asker.waits() > REPLY_TIMEOUT, "an answer to take long")
        rig.alpha.qemu.kill()
        failed_over(rig, rig.beta, CAUSES)
