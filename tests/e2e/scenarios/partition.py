"""Two hosts in network namespaces, and cables that are cut: exactly one guest runs and is heard, each time."""

import contextlib
import os
import random
import time

from tests.e2e import network
from tests.e2e.checks import HOST_DIED, Calm, failed_over, no_failover, only_one_runs, replicates
from tests.e2e.harness import Skip, protected, wait
from tests.e2e.network import BETWEEN, HEARTBEATS
from tests.e2e.observer import Observer, in_words
from tests.e2e.registry import on_either, scenario
from tests.e2e.scenarios.arbiter import arbiter_loss_is_news, only_the_sentinel_acts
from tests.e2e.watch import Watch
from tests.pair.pair import Pair

RACES = int(os.environ.get("FTD_RACES", "100"))  # in all
RACE_GUARD_MS = int(os.environ.get("FTD_RACE_GUARD_MS", "20"))  # a shorter one than the shipped with realtime = true
RACE_SETTINGS = {"heartbeat.interval_ms": 40, "failover.guard_ms": RACE_GUARD_MS, "realtime": RACE_GUARD_MS < 20}


def namespaces():
    why = network.unusable_because()
    if why:
        raise Skip(why)
    return network.Network()


@contextlib.contextmanager
def hosts_apart(arbiter="etcd"):
    """A protected pair, looked at and listened to all the while; at the end, prints what the guests' network noticed."""
    with protected(network=namespaces(), arbiter=arbiter) as rig, Watch(rig):
        yield rig
        print("the guests' network:", rig.observer.tell())


def with_each_arbiter(function):
    """Registers a test twice; it is given the kind of arbiter."""
    for kind in ("file", "etcd"):
        def run(kind=kind):
            function(kind)
        run.__name__ = f"{function.__name__}[{kind}]"
        scenario(run)
    return function


def loser_learns(rig, survivor, loser):
    """Once it can hear or ask again, the side that lost ends its guest, which is not seen in between."""
    loser.wait_state("fenced")
    wait(loser.qemu.gone, f"{loser.node}'s QEMU to be ended")
    assert survivor.state() == "solo" and survivor.node in rig.arbiter.registers().values()
    rig.observer.wait_heard(survivor.node)
    failed_over(rig, survivor, ("peer-lost", "replication-broken"))


@scenario
def an_etcd_lost_while_protected_is_news():
    cables = ("arb-alpha", "arb-beta")
    with protected(network=namespaces(), arbiter="etcd", hook=True) as rig:
        arbiter_loss_is_news(rig, lambda: rig.network.pull(*cables), lambda: rig.network.plug(*cables))


@scenario
def two_masters_would_be_heard():
    """The observer himself is tested: no ftd here, and the secondary goes on alone beside a primary that knows nothing."""
    apart = namespaces()
    with Pair(hosts=apart.hosts(), checkpoint_ms=20000) as pair, contextlib.closing(Observer(apart, "alpha")) as observer:
        pair.up()
        observer.start()
        observer.check()
        pair.promote(pair.b)
        wait(lambda: "alpha, then beta, then alpha" in verdict(observer), f"the observer to notice: {observer.tell()}")


def verdict(observer):
    try:
        observer.check()
    except AssertionError as e:
        return str(e)
    return ""


@with_each_arbiter
def all_cables_pulled(arbiter):
    with hosts_apart(arbiter) as rig:
        rig.network.pull(*BETWEEN)
        survivor, loser = only_one_runs(rig)
        rig.network.plug(*BETWEEN)
        loser_learns(rig, survivor, loser)


@with_each_arbiter
def only_the_heartbeats_pulled(arbiter):
    """Replication lives, but a lease is a lease: one side ends the pair."""
    with hosts_apart(arbiter) as rig:
        rig.network.pull(*HEARTBEATS)
        survivor, loser = only_one_runs(rig)
        rig.network.plug(*HEARTBEATS)
        loser_learns(rig, survivor, loser)


@with_each_arbiter
def only_replication_pulled(arbiter):
    """The peer answers: the primary goes on and the secondary yields, or nothing happens but that protection is lost."""
    with hosts_apart(arbiter) as rig:
        rig.network.pull("colo")
        survivor, loser = only_one_runs(rig)
        wait(loser.qemu.gone, f"{loser.node}'s QEMU to be ended")
        assert survivor is rig.alpha
        rig.observer.wait_heard("alpha")


@on_either
def one_hears_nothing(role):
    """A one-way cut of everything towards one side."""
    with hosts_apart() as rig:
        deaf = rig.side(role)
        rig.network.deafen(deaf.node, *BETWEEN)
        survivor, loser = only_one_runs(rig)
        rig.network.undeafen(deaf.node, *BETWEEN)
        loser_learns(rig, survivor, loser)


@on_either
def one_hears_no_heartbeats(role):
    with hosts_apart() as rig:
        deaf = rig.side(role)
        rig.network.deafen(deaf.node, *HEARTBEATS)
        survivor, loser = only_one_runs(rig)
        rig.network.undeafen(deaf.node, *HEARTBEATS)
        loser_learns(rig, survivor, loser)


@on_either
def cut_off_from_peer_and_arbiter(role):
    """It is held, frozen; the other side goes on; back again, it learns that it has lost."""
    with hosts_apart() as rig:
        lonely = rig.side(role)
        cables = (*BETWEEN, f"arb-{lonely.node}")
        rig.network.pull(*cables)
        survivor, loser = only_one_runs(rig)
        assert loser is lonely
        lonely.wait_state("held")
        assert lonely.qemu.stopped() and lonely.ftctl("status").returncode == 11
        rig.network.plug(*cables)
        loser_learns(rig, survivor, loser)


@on_either
def cut_off_from_the_arbiter_alone(role):
    """The peer answers, so nothing happens."""
    with hosts_apart() as rig:
        side, calm = rig.side(role), Calm(rig)
        rig.network.pull(f"arb-{side.node}")
        assert side.ftctl("check").returncode != 0
        calm.check(for_seconds=3)
        no_failover(rig)
        rig.network.plug(f"arb-{side.node}")
        wait(lambda: side.ftctl("check").returncode == 0, "the arbiter to be in reach again")
        calm.check()


@scenario
def all_cut_off_from_the_arbiter_and_each_other():
    """Nobody may go on.  Joined again, the pair goes on as if nothing had been: nobody has ended it."""
    with hosts_apart() as rig:
        cables = (*HEARTBEATS, "arb-alpha", "arb-beta")
        rig.network.pull(*cables)
        for s in rig.sides:
            s.wait_state("held")
            wait(s.qemu.stopped, f"{s.node}'s QEMU to be frozen")
        rig.network.plug(*HEARTBEATS)
        rig.wait_protected()
        replicates(rig)
        rig.observer.wait_heard("alpha")
        assert rig.arbiter.registers() == {}


@with_each_arbiter
def flapping_cables(arbiter):
    """Every cable between the two comes and goes; at the end there is a pair, or one guest."""
    rng = random.Random(11)
    with hosts_apart(arbiter) as rig:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            cables = rng.sample(BETWEEN, rng.randrange(1, len(BETWEEN) + 1))
            rig.network.pull(*cables)
            time.sleep(rng.uniform(0.05, 0.7))
            rig.network.plug(*cables)
            time.sleep(rng.uniform(0.05, 0.5))
        settled(rig)


def settled(rig):
    """Protected as before, or one guest alone and the other ended."""
    def now():
        states = [s.state() for s in rig.sides]
        return states == ["protected"] * 2 or sorted(states) == ["fenced", "solo"]
    wait(now, f"the pair to settle: {[s.state() for s in rig.sides]}")
    if rig.alpha.state() == "protected":
        no_failover(rig)
        rig.observer.wait_heard("alpha")
        return
    survivor, loser = only_one_runs(rig)
    rig.observer.wait_heard(survivor.node)
    wait(loser.qemu.gone, f"{loser.node}'s QEMU to be ended")
    assert list(rig.arbiter.registers().values()) == [survivor.node], rig.arbiter.registers()


# Nothing is cut here: what is wrong is on one host.

@on_either
def qemu_dies(role):
    with hosts_apart() as rig:
        survivor = rig.other(rig.side(role))
        rig.side(role).qemu.kill()
        failed_over(rig, survivor, "peer-vm-gone")
        rig.observer.wait_heard(survivor.node)


@on_either
def host_dies(role):
    with hosts_apart() as rig:
        survivor = rig.other(rig.side(role))
        rig.side(role).kill_host()
        failed_over(rig, survivor, HOST_DIED)
        rig.observer.wait_heard(survivor.node)


@on_either
def failover_on_order(role):
    """Both sides are alive and well."""
    with hosts_apart() as rig:
        survivor = rig.side(role)
        assert survivor.ftctl("failover").returncode == 0
        failed_over(rig, survivor, "operator")
        rig.observer.wait_heard(survivor.node)


@with_each_arbiter
def primary_s_ftd_stopped_for_three_seconds(arbiter):
    with hosts_apart(arbiter) as rig:
        only_the_sentinel_acts(rig)
        rig.observer.wait_heard("beta")


# Races: both hosts go for the claim at once.

def race(seed, apart):
    """A fresh pair; cables fail at a random moment, first one-way and then for good, and now and then somebody stumbles."""
    rng = random.Random(seed)
    with protected(network=apart, arbiter="file", settings=RACE_SETTINGS) as rig, Watch(rig):
        time.sleep(rng.uniform(0, 0.4))
        stumbling = rng.choice((None, rig.alpha, rig.alpha, rig.beta))  # alone, the primary is first
        for cable in HEARTBEATS:
            apart.deafen(rng.choice(("alpha", "beta")), cable)
        time.sleep(rng.choice((0, rng.uniform(0, 0.2))))
        apart.pull(*rng.choice((HEARTBEATS, BETWEEN)))
        if stumbling:
            stumbling.freeze_ftd()
            time.sleep(rng.uniform(0.05, 0.4))
            stumbling.wake_ftd()
        survivor, loser = only_one_runs(rig, for_seconds=0.3)
        loser.wait_state("fenced")
        wait(loser.qemu.gone, f"{loser.node}'s QEMU to be ended")
        rig.observer.wait_heard(survivor.node)
        assert list(rig.arbiter.registers().values()) == [survivor.node], rig.arbiter.registers()
    apart.mend()
    return survivor.node, rig.observer.silences()


def races(first, count):
    apart = namespaces()
    won, silences = zip(*(race(seed, apart) for seed in range(first, first + count)), strict=True)
    longest = {kind: max(s[kind] for s in silences) for kind in silences[0]}
    print(f"won by alpha {won.count('alpha')}, by beta {won.count('beta')}; the guests' network: {in_words(longest)}")


for tenth in range(10):
    def one_tenth(tenth=tenth):
        races(tenth * 1000, -(-RACES // 10))
    one_tenth.__name__ = f"races_for_the_claim[{tenth}]"
    scenario(one_tenth)
