"""Two hosts in network namespaces, and cables that are cut: exactly one guest runs, each time."""

import os
import random
import time

from tests.e2e.checks import Calm, failed_over, no_failover, only_one_runs, replicates
from tests.e2e.harness import Skip, protected, wait
from tests.e2e.network import BETWEEN, HEARTBEATS
from tests.e2e.registry import on_either, scenario
from tests.e2e.watch import Watch
from tests.pair import namespaces

RACES = int(os.environ.get("FTD_RACES", "24"))  # in all
RACE_SETTINGS = {"heartbeat.interval_ms": 40}  # a detection time of 200 ms


def hosts_apart(arbiter, **options):
    why = namespaces.unusable_because()
    if why:
        raise Skip(why)
    return protected(network=True, arbiter=arbiter, **options)


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
    failed_over(rig, survivor, ("peer-lost", "replication-broken"))


@with_each_arbiter
def all_cables_pulled(arbiter):
    with hosts_apart(arbiter) as rig, Watch(rig):
        rig.network.pull(*BETWEEN)
        survivor, loser = only_one_runs(rig)
        rig.network.plug(*BETWEEN)
        loser_learns(rig, survivor, loser)


@with_each_arbiter
def only_the_heartbeats_pulled(arbiter):
    """Replication lives, but a lease is a lease: one side ends the pair."""
    with hosts_apart(arbiter) as rig, Watch(rig):
        rig.network.pull(*HEARTBEATS)
        survivor, loser = only_one_runs(rig)
        rig.network.plug(*HEARTBEATS)
        loser_learns(rig, survivor, loser)


@with_each_arbiter
def only_replication_pulled(arbiter):
    """The peer answers: the primary goes on and the secondary yields, or nothing happens but that protection is lost."""
    with hosts_apart(arbiter) as rig, Watch(rig):
        rig.network.pull("colo")
        survivor, loser = only_one_runs(rig)
        wait(loser.qemu.gone, f"{loser.node}'s QEMU to be ended")
        assert survivor is rig.alpha


@on_either
def one_hears_nothing(role):
    """A one-way cut of everything towards one side."""
    with hosts_apart("etcd") as rig, Watch(rig):
        deaf = rig.side(role)
        rig.network.deafen(deaf.node, *BETWEEN)
        survivor, loser = only_one_runs(rig)
        rig.network.undeafen(deaf.node, *BETWEEN)
        loser_learns(rig, survivor, loser)


@on_either
def one_hears_no_heartbeats(role):
    with hosts_apart("etcd") as rig, Watch(rig):
        deaf = rig.side(role)
        rig.network.deafen(deaf.node, *HEARTBEATS)
        survivor, loser = only_one_runs(rig)
        rig.network.undeafen(deaf.node, *HEARTBEATS)
        loser_learns(rig, survivor, loser)


@on_either
def cut_off_from_peer_and_arbiter(role):
    """It is held, frozen; the other side goes on; back again, it learns that it has lost."""
    with hosts_apart("etcd") as rig, Watch(rig):
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
    with hosts_apart("etcd") as rig:
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
    with hosts_apart("etcd") as rig, Watch(rig):
        cables = (*HEARTBEATS, "arb-alpha", "arb-beta")
        rig.network.pull(*cables)
        for s in rig.sides:
            s.wait_state("held")
            assert s.qemu.stopped(), f"{s.node}'s QEMU runs"
        rig.network.plug(*HEARTBEATS)
        rig.wait_protected()
        replicates(rig)
        assert rig.arbiter.registers() == {}


@with_each_arbiter
def flapping_cables(arbiter):
    """Every cable between the two comes and goes; at the end there is a pair, or one guest."""
    rng = random.Random(11)
    with hosts_apart(arbiter) as rig, Watch(rig):
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
        return
    survivor, loser = only_one_runs(rig)
    wait(loser.qemu.gone, f"{loser.node}'s QEMU to be ended")
    assert list(rig.arbiter.registers().values()) == [survivor.node], rig.arbiter.registers()


# Races: both hosts go for the claim at once.

def race(seed):
    """A fresh pair; its links are cut at a random moment, in a random order, and now and then somebody stumbles."""
    rng = random.Random(seed)
    with protected(arbiter="file", relay=True, settings=RACE_SETTINGS) as rig, Watch(rig) as watch:
        time.sleep(rng.uniform(0, 0.4))
        stumbling = rng.choice((None, None, rig.alpha, rig.beta))
        for r in rig.relays:
            r.deaf = {rng.choice(("alpha", "beta"))}
        time.sleep(rng.choice((0, rng.uniform(0, 0.2))))
        for r in rig.relays:
            r.cut = True
        if stumbling:
            stumbling.freeze_ftd()
            time.sleep(rng.uniform(0.1, 0.5))
            stumbling.wake_ftd()
        survivor, loser = only_one_runs(rig)
        loser.wait_state("fenced")
        wait(loser.qemu.gone, f"{loser.node}'s QEMU to be ended")
        assert list(rig.arbiter.registers().values()) == [survivor.node], rig.arbiter.registers()
        assert watch.winner == survivor.node and watch.looks > 0
        return survivor.node


def races(first, count):
    won = [race(seed) for seed in range(first, first + count)]
    print(f"won by alpha {won.count('alpha')}, by beta {won.count('beta')}")


for quarter in range(4):
    def one_quarter(quarter=quarter):
        races(quarter * 1000, -(-RACES // 4))
    one_quarter.__name__ = f"races_for_the_claim[{quarter}]"
    scenario(one_quarter)
