"""The measures: how soon a daemon sees a fault, how often it sees one that is not there, and what it costs.

Knows: pairs of any daemon, labs, the weather.  Must not know: any particular daemon.
"""

import contextlib
import os
import random

from tests.bench import cost, ear, lab as place, sniffer
from tests.bench.daemons import daemon
from tests.pair import processes

WEATHERS = ("calm", "hogs", "loss10", "loss20", "jitter")
_SETTLE = 2.0  # seconds from the first sight to the steady state: BFD agrees on its intervals only then
STOP = 2.0     # seconds for which the observer is stopped


class Bench:
    """Labs, made as they are needed and used again, and what runs in them."""

    def __init__(self, folder, netem):
        self.ear = ear.Ear()
        self._folder, self._netem, self._labs = folder, netem, []

    def _lab(self, i):
        while len(self._labs) <= i:
            here = os.path.join(self._folder, f"lab{len(self._labs)}")
            os.mkdir(here, 0o755)
            self._labs.append(place.Lab(here, self._netem))
        return self._labs[i]

    @contextlib.contextmanager
    def pairs(self, wanted, jitter_ms=0):
        """Pairs in their steady state, for [(class, Timing)], each in a lab of its own; -> (pairs, {index: why not}).

        Jitter is there from the beginning, since a relay takes a moment to start; any other weather comes later.
        """
        labs = [self._lab(i) for i in range(len(wanted))]
        pairs = [which(lab, self.ear, timing) for lab, (which, timing) in zip(labs, wanted)]
        absent = {}
        try:
            for p in pairs if jitter_ms else ():
                p.lab.shake(jitter_ms, p.LINKS)
            for p in pairs:
                p.launch(place.PEER)
            for p in pairs:
                p.launch(place.OBSERVER)
            # keepalived and ucarp first wait for a whole detection time whether there is a master
            slowest = max(p.timing.nominal_ms for p in pairs) / 1000
            if not self.ear.until(lambda: all(p.is_up() for p in pairs), 20 + 2 * slowest):
                absent = {i: "the two never saw each other" for i, p in enumerate(pairs) if not p.is_up()}
            self.ear.listen_for(_SETTLE)
            yield pairs, absent
        finally:
            self.ear.hush()
            for lab in labs:
                lab.clear()

    def close(self):
        for lab in self._labs:
            lab.close()


# latency

def latency(bench, which, timing, kind, trials):
    """-> ([{"ms", "ideal_ms"}], [why a trial gave nothing]); kind is "kill" or "cut"."""
    seen, spoiled = [], []
    while len(seen) + len(spoiled) < trials:
        now = min(which.at_once(timing), trials - len(seen) - len(spoiled))
        with bench.pairs([(which, timing)] * now) as (pairs, absent):
            spoiled += absent.values()
            _batch(bench.ear, [p for i, p in enumerate(pairs) if i not in absent], kind, seen, spoiled)
    return seen, spoiled


def _batch(hearing, pairs, kind, seen, spoiled):
    """One fault in each pair, at random moments of its heartbeats; pairs do not wait for each other."""
    taps = [sniffer.Sniffer(p.lab, place.OBSERVER, place.CABLES[:p.LINKS]) for p in pairs]
    fault = {}
    try:
        interval = pairs[0].timing.interval_ms / 1000 if pairs else 0
        hearing.listen_for(2 * interval)
        for p in pairs:
            victims = p.lab.pids(place.PEER)[::-1]  # children first: a parent that outlives them has nothing to say
            hearing.listen_for(0.04 + random.uniform(0, interval))
            if p.is_up():
                fault[p] = _strike(p, kind, victims)
        nominal = pairs[0].timing.nominal_ms / 1000 if pairs else 0
        hearing.until(lambda: all(p.lost(place.OBSERVER, at) for p, at in fault.items()), 3 * nominal + 2)
        for p, tap in zip(pairs, taps):
            arrivals = tap.arrivals(p.is_heartbeat) if p.HEARTBEATS else []
            _judge(p, fault.get(p), arrivals, seen, spoiled)
    finally:
        for tap in taps:
            tap.close()


def _strike(pair, kind, victims):
    """-> when, CLOCK_REALTIME in ns"""
    if kind == "cut":
        return pair.lab.cut()
    at = ear.now()
    pair.freeze(victims)  # all of them at once: none may see another one die and say goodbye
    pair.signal(victims, 9)
    return at


def _judge(pair, fault, arrivals, seen, spoiled):
    if fault is None:
        spoiled.append("false alarm before the fault")
        return
    lost = pair.lost(place.OBSERVER, fault)
    if not lost:
        spoiled.append("not noticed")
        return
    ideal = (arrivals[-1] - fault) / 1e6 + pair.timing.nominal_ms if arrivals else None
    seen.append({"ms": (lost[0] - fault) / 1e6, "ideal_ms": ideal})


# false alarms and cost

@contextlib.contextmanager
def _hogs():
    """Twice as many busy loops as there are processors."""
    burners = [processes.spawn(["sh", "-c", "while :; do :; done"], os.devnull) for _ in range(2 * os.cpu_count())]
    try:
        yield
    finally:
        for b in burners:
            processes.kill(b)


def alarms(bench, wanted, weather, seconds):
    """Everybody at the same time, each in a lab of its own.

    -> ([{"observer", "peer", "seconds"} or {"missing"}] in the order of wanted, [cost or None])
    """
    with bench.pairs(wanted, jitter_ms=5 if weather == "jitter" else 0) as (pairs, absent):
        if weather.startswith("loss"):
            for p in pairs:
                p.lab.lose(int(weather.removeprefix("loss")))
        with _hogs() if weather == "hogs" else contextlib.nullcontext():
            began, before = ear.now(), [_usage(p) for p in pairs] if weather == "calm" else []
            bench.ear.listen_for(seconds)
            results = [_alarms_of(p, began, seconds) for p in pairs]
            spent = [_spent(p, b, seconds) for p, b in zip(pairs, before)]
        if weather == "calm":
            _count_calls(bench.ear, pairs, spent)
    for i, why in absent.items():
        results[i] = {"missing": why}
        if spent:
            spent[i] = None
    return results, spent


def _alarms_of(pair, began, seconds):
    watching = place.NODES if pair.BOTH_WATCH else (place.OBSERVER,)
    counts = {n: len(pair.lost(n, began)) for n in watching}
    return {"observer": counts[place.OBSERVER], "peer": counts.get(place.PEER), "seconds": seconds}


def _usage(pair):
    pids = [p for n in place.NODES for p in pair.lab.pids(n)]
    traffic = [pair.lab.traffic(n, c) for n in place.NODES for c in place.CABLES]
    return cost.used(pids) | {"bytes": sum(t[0] for t in traffic), "packets": sum(t[1] for t in traffic)}


def _spent(pair, before, seconds):
    """Per host, as the mean of the two."""
    after, hosts = _usage(pair), len(place.NODES)
    per_second = {k: (after[k] - before[k]) / seconds / hosts for k in after}
    return {"cpu_s_per_min": per_second["cpu_s"] * 60, "wakeups_per_s": per_second["wakeups"],
            "wire_bytes_per_s": per_second["bytes"], "packets_per_s": per_second["packets"]}


def _count_calls(hearing, pairs, spent, seconds=5):
    why = cost.SystemCalls.missing()
    if why:
        for s in spent:
            s["calls_missing"] = why
        return
    counters = [cost.SystemCalls([i for n in place.NODES for i in p.lab.pids(n)], p.folder[place.OBSERVER], "calls")
                for p in pairs]
    hearing.listen_for(seconds)
    for s, counter in zip(spent, counters):
        s["calls_by_name"] = {name: n / seconds / len(place.NODES) for name, n in counter.count().items()}
        s["calls_per_s"] = sum(s["calls_by_name"].values())


def memory(bench, which, timing):
    """Of one host on which this daemon runs alone -> what cost.memory() says, or {"missing"}.

    Its peer, which shares the program's pages on this machine as it would not on another, has just been killed.
    """
    with bench.pairs([(which, timing)]) as (pairs, absent):
        if absent:
            return {"missing": absent[0]}
        lab = pairs[0].lab
        peers = lab.pids(place.PEER)
        pairs[0].freeze(peers)
        pairs[0].signal(peers, 9)
        processes.wait_until(lambda: not any(place.alive(p) for p in peers), "the peer to end")
        return cost.memory(lab.pids(place.OBSERVER))


# the observer was stopped

def stopped(bench, wanted, trials):
    """The observer stands still for 2 s while its peer is well.

    -> [{"trials", "wrong", "told"} or {"missing"}]: wrong if it then held the peer for dead by its own judgement;
    told if its peer, which had rightly given it up, said so first.
    """
    with bench.pairs(wanted) as (pairs, absent):
        tally = [{"trials": 0, "wrong": 0, "told": 0} for _ in pairs]
        for _ in range(trials):
            asleep = [(p, t, p.lab.pids(place.OBSERVER)) for p, t in zip(pairs, tally) if p.is_up()]
            for p, _, pids in asleep:
                p.freeze(pids)
            bench.ear.listen_for(STOP)
            woken = {}
            for p, _, pids in asleep:
                woken[p] = ear.now()
                p.thaw(pids)
                bench.ear.listen_for(0.02)
            bench.ear.listen_for(1 + 2 * max(p.timing.nominal_ms for p in pairs) / 1000)
            for p, t, _ in asleep:
                t["trials"] += 1
                t["wrong"] += bool(p.lost(place.OBSERVER, woken[p], (daemon.LOST,)))
                t["told"] += bool(p.lost(place.OBSERVER, woken[p], (daemon.TOLD,)))
            bench.ear.until(lambda: all(p.is_up() for i, p in enumerate(pairs) if i not in absent), 10)
            bench.ear.listen_for(_SETTLE)
    return [{"missing": absent[i]} if i in absent else t for i, t in enumerate(tally)]
