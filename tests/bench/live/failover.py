#!/usr/bin/env python3
"""How long a failover takes: real COLO pairs, killed at random moments, timed from the SIGKILL to the guest running alone.

    failover.py [--kills N] [--guards MS,...] [--quick] [--markdown] ...

A guest runs alone from QEMU's own RESUME event on, with QEMU's own time stamp: nobody is asked anything while it matters.
QEMU's share of a plan is the time in which at least one of its answers was awaited; ours is all the rest of the time from the
moment on which the takeover is due: the kill of a QEMU; the last heartbeat of a host and the detection time and what is left of
the guard then: of 20 ms and less nothing is, at a detection time of 400 ms and more (ft.conf(5)).

Knows: the outcome record, QEMU's events.  Must not know: how ftd does it.
"""

import argparse
import contextlib
import dataclasses
import datetime
import os
import random
import select
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, ROOT)
sys.dont_write_bytecode = True

from tests.bench import origin  # noqa: E402 (the path above comes first)
from tests.bench.live import figures  # noqa: E402
from tests.bench.live.etcd import Etcd  # noqa: E402
from tests.e2e import harness  # noqa: E402
from tests.pair import build, pair, processes  # noqa: E402

LOST_AFTER, GUARD_MS, CHECKPOINT_MS = 5, 20, 300  # the first two as in ft.conf.example
BIG_MB, ROOM_MB = 8192, 1500  # of the big guest; what must stay free beside it


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    blow: str  # "qemu": its ftd lives on; "host": both die at once
    kills: int
    interval_ms: int = 100
    arbiter: object = None  # an Etcd
    guard_ms: int = GUARD_MS
    roles: tuple = ("primary", "secondary")  # of the victims, by turns

    @property
    def due_ms(self):
        """From the last heartbeat of a dead host to the moment at which the survivor may claim."""
        detection = self.interval_ms * LOST_AFTER
        return detection + (max(0, self.guard_ms - min(detection / 20, GUARD_MS)) if self.arbiter else 0)

    def settings(self):
        """A shorter guard than the shipped one wants an ftd and a sentinel that are never late."""
        own = {"heartbeat.interval_ms": self.interval_ms}
        return own | {"failover.guard_ms": self.guard_ms, "realtime": self.guard_ms < GUARD_MS} if self.arbiter else own


class LonePair(pair.Pair):
    """A big primary that has no secondary: the copies that COLO makes of its memory would not fit."""

    def up(self):
        self.a.make_images()
        self.a.patience = 300.0  # for the kernel to give it all its memory

    def start_primary(self):
        self.a.start(self._primary_arguments())


# ---- one kill


def kill(case, role):
    """Brings a pair up, kills one side of it, returns the times."""
    with harness.protected(build=OPTIONS.build, arbiter=case.arbiter, settings=case.settings(),
                           checkpoint_ms=CHECKPOINT_MS) as rig:
        victim = rig.side(role)
        survivor = rig.other(victim)
        time.sleep(0.2 + random.random() * max(case.interval_ms, CHECKPOINT_MS) / 1e3)
        seen = survivor.qemu.obs.drain()
        pidfd = os.pidfd_open(victim.qemu.process.pid)
        killed = time.time()
        if case.blow == "host":
            victim.ftd.kill()
        victim.qemu.process.kill()
        select.select([pidfd], [], [])
        gone = time.time()
        os.close(pidfd)
        record = processes.wait_until(survivor.outcomes, "the outcome on disk", 60, 0.05)[0]
        assert record["result"] == "success", record
        time.sleep(0.1)
        survivor.qemu.obs.drain()
        return times(case, record, survivor.qemu.obs.events[seen:], killed) | {
            "role": role, "gone": round((gone - killed) * 1e3, 3)}


def times(case, record, events, killed):
    """All in ms, counted from the SIGKILL unless the name says otherwise."""
    parts, steps = record["durations_ms"], [s for s in record["steps"] if s["at_ms"] is not None and s["ms"] is not None]
    ended = datetime.datetime.fromisoformat(record["time"]).timestamp()
    first = (ended - parts["total"] / 1e3 - killed) * 1e3  # the record counts from its first evidence
    proven = parts["total"]  # a plan's success
    command = next(s for s in steps if s["command"] == "x-colo-lost-heartbeat")
    qemu = covered([(s["at_ms"], min(s["at_ms"] + s["ms"], proven)) for s in steps])
    runs = resumed(events, killed + (first + command["at_ms"]) / 1e3)
    running = (runs - killed) * 1e3 if runs else first + command["at_ms"] + command["ms"]
    due = first + case.due_ms if case.blow == "host" else 0.0
    found = {"cause": record["cause"], "resume_seen": runs is not None, "first_evidence": first,
             "known": first + parts["detection"], "running": running, "proven": first + proven, "qemu_in_plan": qemu,
             "command": command["ms"], "plan": parts["plan"], "claim": record["claim"]["ms"], "due_to_running": running - due,
             "due_to_proven": first + proven - due, "ours": first + proven - due - qemu}
    if case.blow == "host":
        found |= {"over_nominal": running - case.interval_ms * LOST_AFTER}
        assert record["cause"] == "peer-lost" and "heartbeat was heard" in record["evidence"][0]["what"], record
    return {k: round(v, 3) if isinstance(v, float) else v for k, v in found.items()}


def resumed(events, since):
    """When the guest ran again after the failover command, CLOCK_REALTIME, s; None if it never stopped."""
    for e in events:
        at = e["timestamp"]["seconds"] + e["timestamp"]["microseconds"] / 1e6
        if e["event"] == "RESUME" and at >= since:
            return at
    return None


def covered(spans):
    """How much time at least one of the spans covers."""
    total, until = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


# ---- all of them


def run(case):
    print(f"{case.name}: {case.kills} kills", flush=True)
    kills = [kill(case, case.roles[i % len(case.roles)]) for i in range(case.kills)]
    print("  to running: median {}, p99 {}, max {} ms".format(*figures.spread_cells([k["running"] for k in kills])), flush=True)
    return {"name": case.name, "blow": case.blow, "interval_ms": case.interval_ms, "lost_after": LOST_AFTER,
            "guard_ms": case.guard_ms if case.arbiter else None, "kills": kills}


def run_big(kills):
    """A QEMU with much memory dies; when does its peer's ftd know?"""
    interval, found = 100, []
    print(f"QEMU of {BIG_MB} MB killed: {kills} kills", flush=True)
    processes.without_huge_pages()
    rig = harness.Rig(build=OPTIONS.build, settings={"heartbeat.interval_ms": interval}, pair_type=LonePair,
                      memory_mb=BIG_MB)
    try:
        rig.pair.up()
        rig.make_key()
        for side in rig.sides:
            side.write_conf()
            side.start_ftd()
        found = [kill_big(rig) for _ in range(kills)]
        rig.finish()
    finally:
        for side in rig.sides:
            if side.ftd:
                side.kill_ftd()
        rig.pair.down()
    return {"name": f"QEMU of {BIG_MB} MB killed", "blow": "big", "interval_ms": interval, "kills": found}


def kill_big(rig):
    rig.pair.start_primary()

    def seen_by_peer():
        return rig.beta.status()["peer"]["vm"]
    harness.wait(lambda: seen_by_peer() == "alive", "beta's ftd to know alpha's QEMU")
    time.sleep(1 + random.random())
    process = rig.alpha.qemu.process
    pidfd = os.pidfd_open(process.pid)
    killed, at = time.time(), {}
    process.kill()

    def both():
        if "gone" not in at and select.select([pidfd], [], [], 0)[0]:
            at["gone"] = (time.time() - killed) * 1e3
        if "known" not in at and seen_by_peer() in ("gone", "absent"):
            at["known"] = (time.time() - killed) * 1e3
        return len(at) == 2
    processes.wait_until(both, "QEMU to be gone, and beta's ftd to know", 60, 0.001)
    os.close(pidfd)
    process.wait()
    return {k: round(v, 3) for k, v in at.items()}


def filesystem(directory):
    return subprocess.run(["stat", "-f", "-c", "%T", directory], capture_output=True, text=True, check=True).stdout.strip()


def measure(stack):
    """{etcd's place: what it takes a bare client}, [run]"""
    n, bare, runs = OPTIONS.kills, {}, []
    for interval in (100, 1000):
        runs.append(run(Case(f"QEMU killed, heartbeats every {interval} ms", "qemu", n, interval)))
    for victim in ("primary", "secondary"):
        runs.append(run(Case(f"QEMU and ftd of the {victim} killed, no arbiter", "host", n, roles=(victim,))))
    for place, directory in (("memory", OPTIONS.memory_dir), ("disk", OPTIONS.disk_dir)):
        directory = tempfile.mkdtemp(prefix="ftd-failover-", dir=directory)
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        etcd = Etcd(directory)
        where = f"etcd on {place} ({filesystem(directory)})"
        bare[where] = figures.spread(etcd.claim_times_ms(max(n, 20)))
        runs.append(run(Case(f"QEMU killed, {where}", "qemu", n, arbiter=etcd)))
        for guard in OPTIONS.guards if place == "memory" else OPTIONS.guards[:1]:
            real_time = "" if guard >= GUARD_MS else ", realtime"
            runs.append(run(Case(f"QEMU and ftd of the primary killed, {where}, guard {guard} ms{real_time}", "host", n,
                                 arbiter=etcd, guard_ms=guard, roles=("primary",))))
        etcd.end()
    if OPTIONS.big and processes.available_mb() < BIG_MB + ROOM_MB:
        print(f"a guest of {BIG_MB} MB left out: {processes.available_mb()} MB of memory are free, {BIG_MB + ROOM_MB} are needed", flush=True)
    elif OPTIONS.big:
        runs.append(run_big(OPTIONS.big))
    return bare, runs


ROWS = {"big": (("kill to known to the peer's ftd", "known"), ("kill to all of it gone, memory and sockets", "gone")),
        "qemu": (("kill to guest running alone", "running"), ("kill to known to the survivor's ftd", "known"),
                 ("kill to all of it gone, memory and sockets", "gone"), ("kill to proven", "due_to_proven"),
                 ("... claim", "claim"), ("... QEMU's share of the plan", "qemu_in_plan"),
                 ("...... x-colo-lost-heartbeat, in which it flushes the guest's disks", "command"),
                 ("... ours: all the rest, the claim and QEMU's dying counted in", "ours")),
        "host": (("kill to guest running alone", "running"), ("... minus the detection time", "over_nominal"),
                 ("due (last heartbeat + detection time) to guest running alone", "due_to_running"),
                 ("due to proven", "due_to_proven"), ("... claim", "claim"), ("... QEMU's share of the plan", "qemu_in_plan"),
                 ("...... x-colo-lost-heartbeat, in which it flushes the guest's disks", "command"),
                 ("... ours: all the rest, lateness and the claim counted in", "ours"))}


def values(run_, key):
    return [k[key] for k in run_["kills"]]


def tables(bare, runs):
    made = []
    for r in runs:
        detection = f", detection time {r['interval_ms'] * r['lost_after']} ms" if r["blow"] == "host" else ""
        table = figures.Table(f"{r['name']} ({len(r['kills'])} kills{detection})", "ms", "median", "p99", "max")
        for text, key in ROWS[r["blow"]]:
            table.add(text, *figures.spread_cells(values(r, key)))
        made.append(table)
    alone = figures.Table("A claim by a bare client, connection open", "ms", "median", "p99", "max")
    for where, found in bare.items():
        alone.add(where, *(f"{found[k]:.2f}" for k in ("median", "p99", "max")))
    reached = figures.Table("Targets", "", "target, ms", "measured, ms", "reached")
    for t in targets(runs):
        reached.add(t["what"], t["target_ms"], f"{t['measured_ms']:.2f}", "yes" if t["reached"] else "NO")
    return [*made, alone, reached]


def targets(runs):
    found = []

    def target(what, ms, measured):
        found.append({"what": what, "target_ms": ms, "measured_ms": round(measured, 3), "reached": measured < ms})

    for r in runs:
        if r["blow"] == "big":
            target(f"{r['name']}: known within a heartbeat interval, max", r["interval_ms"], max(values(r, "known")))
        elif r["blow"] == "qemu":
            target(f"{r['name']}: beyond QEMU's own time in the plan, max", 5, max(values(r, "ours")))
        else:
            target(f"{r['name']}: beyond the detection time, max", 15, max(values(r, "over_nominal")))
        if "etcd" in r["name"]:
            target(f"{r['name']}: ours in decision, claim and plan, p99", 10, figures.percentile(values(r, "ours"), 99))
    return found


def _guards(text):
    guards = [int(g) for g in text.split(",")]
    if os.geteuid() != 0 and min(guards) < GUARD_MS:
        print(f"guards below {GUARD_MS} ms left out: their realtime = true takes root", flush=True)
        guards = [g for g in guards if g >= GUARD_MS] or [GUARD_MS]
    return guards


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else tempfile.gettempdir()
    parser.add_argument("--kills", type=int, default=25, help="of each case (default 25)")
    parser.add_argument("--guards", default=f"{GUARD_MS}", metavar="MS,...", type=_guards,
                        help="guard_ms of the cases with etcd in memory, the first one with etcd on disk as well; below "
                        f"{GUARD_MS} with realtime = true, which takes root (default {GUARD_MS})")
    parser.add_argument("--big", type=int, default=3, metavar="N", help="kills of a big guest; 0: none (default 3)")
    parser.add_argument("--quick", action="store_true", help="4 kills of each case, one of a big guest")
    parser.add_argument("--memory-dir", default=memory, help="where an etcd in memory has its data")
    parser.add_argument("--disk-dir", default=os.path.join(ROOT, "build"), help="where an etcd on disk has its data")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"), help="where the binaries are")
    parser.add_argument("--json", default=os.path.join(ROOT, "build", "bench", "failover.json"), help="where the results go")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    options = parser.parse_args()
    if options.quick:
        options.kills, options.big = 4, 1
    return options


def main():
    processes.end_with_everything()
    source = origin.now()
    print(f"QEMU runs with {build.accelerator()}, a checkpoint every {CHECKPOINT_MS} ms; "
          f"guests' disks on {filesystem(tempfile.gettempdir())} (TMPDIR)", flush=True)
    with contextlib.ExitStack() as stack:
        bare, runs = measure(stack)
    results = {"accelerator": build.accelerator(), "checkpoint_ms": CHECKPOINT_MS,
               "guests_disks_on": filesystem(tempfile.gettempdir()), "bare_claim_ms": bare, "targets": targets(runs),
               "runs": [r | {"spread": {k: figures.spread(values(r, k)) for _, k in ROWS[r["blow"]]}} for r in runs]}
    figures.publish(OPTIONS.json, source, results, tables(bare, runs), OPTIONS.markdown, [f"p99: {figures.FEW}"])


if __name__ == "__main__":
    OPTIONS = arguments()
    main()
