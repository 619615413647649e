#!/usr/bin/env python3
"""Hundreds of pairs on this machine: does anybody give a false alarm, what do they cost, and what happens when a hundred
peers die in one blow, with one etcd for all their claims?

    scale.py [--pairs N --interval MS] [--seconds S] [--kill K] [--markdown] ...

Each ftd is the real one, with two links; each QEMU is a stand-in, a process of its own (fake_qemu.c).  Without --pairs it runs
200 pairs at 100 ms, then 500 pairs at 250 ms.  As root everything stands in a network namespace of its own.

Knows: how ftd is set up and asked, what the kernel counts.  Must not know: how ftd does it.
"""

import argparse
import collections
import contextlib
import datetime
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, ROOT)
sys.dont_write_bytecode = True

from tests.bench import origin  # noqa: E402 (the path above comes first)
from tests.bench.live import figures, procfs  # noqa: E402
from tests.bench.live.etcd import Etcd  # noqa: E402
from tests.e2e import ftconf  # noqa: E402
from tests.pair import processes  # noqa: E402

FIRST_PORT = 10000  # below the ports that the kernel gives to connections
LINKS = (("127.0.0.1", "127.0.0.2"), ("127.0.1.1", "127.0.1.2"))
LOST_AFTER = 5  # as in ft.conf.example; with its guard, which is over when a peer is lost (ft.conf(5))
NODES = ("alpha", "beta")
ROLES = {"primaries": "a", "secondaries": "b"}  # a side's letter
CPU_PERCENT, PSS_MB = 0.1, 2  # targets: one side at 100 ms with two links, one ftd
STARTED_AT_ONCE = 40  # sides; nobody boots hundreds of hosts on two cores at the same moment
MEMORY_OF = 50  # pairs, whose memory is looked at; the sum is scaled to all
IN_NAMESPACE = "FTD_BENCH_IN_NAMESPACE"


class Side:
    def __init__(self, fleet, pair, letter):
        self.fleet, self.pair, self.letter = fleet, pair, letter
        self.node = NODES[letter == "b"]
        self.dir = os.path.join(fleet.dir, str(pair), letter)
        os.makedirs(os.path.join(self.dir, "state"), mode=0o700)
        self.control, self.conf = (os.path.join(self.dir, n) for n in ("ftd.sock", "ft.conf"))
        self.ftd = None
        self.qemu = 0  # pid
        self.killed_at = None  # CLOCK_REALTIME, s

    def start(self, template):
        replacements = {"@PAIR@": f"vm{self.pair}", "@NODE@": self.node, "@DIR@": self.dir}
        for i, addresses in enumerate(LINKS):
            mine, peer = addresses if self.letter == "a" else addresses[::-1]
            port = self.fleet.first_port + self.pair
            replacements |= {f"@LOCAL{i}@": f"{mine}:{port}", f"@PEER{i}@": f"{peer}:{port}"}
        for placeholder, value in replacements.items():
            template = template.replace(placeholder, value)
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(template)
        self.ftd = processes.spawn([self.fleet.ftd, "-c", self.conf], os.path.join(self.dir, "ftd.log"))

    def status(self):
        """As `ftctl status --json`; None if it does not answer."""
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 20, 0))  # of a queue that is full, too
                s.connect(self.control)
                s.settimeout(20)
                s.sendall(b'{"verb":"status"}\n')
                return json.loads(s.makefile().readline())["result"]
        except (OSError, ValueError):
            if self.ftd.poll() is not None:
                raise RuntimeError(f"{self.dir}: ftd ended with {self.ftd.returncode}, see ftd.log there") from None
            return None

    def state(self):
        return (self.status() or {}).get("state")

    def protected_since(self):
        """CLOCK_REALTIME, s; None if it is not protected."""
        status = self.status()
        if not status or status["state"] != "protected":
            return None
        return datetime.datetime.fromisoformat(status["since"]).timestamp()

    def outcomes(self):
        try:
            with open(os.path.join(self.dir, "state", "outcomes.jsonl"), encoding="utf-8") as f:
                return [json.loads(line) for line in f]
        except FileNotFoundError:
            return []

    def kill(self):
        """ftd and QEMU in one blow, without waiting; ftd first, lest it tells that QEMU has died."""
        self.killed_at = time.time()
        self.ftd.kill()
        os.kill(self.qemu, signal.SIGKILL)


class Fleet:
    """So many pairs, all their ftd and QEMUs, in the empty `directory`."""

    def __init__(self, directory, pairs, arbiter, build, interval_ms=100, checkpoint_ms=2000, first_port=FIRST_PORT,
                 hostility=None):
        self.dir, self.interval_ms, self.arbiter, self.first_port = directory, interval_ms, arbiter, first_port
        self.ftd, self.ftctl, self._fake_qemu = (os.path.join(build, n) for n in ("ftd", "ftctl", "bench/fake_qemu"))
        self._checkpoint_ms = checkpoint_ms
        self._hostility = hostility  # of the QEMUs, see fake_qemu.c
        self.pairs = [(Side(self, n, "a"), Side(self, n, "b")) for n in range(pairs)]
        self.sides = [s for pair in self.pairs for s in pair]
        self._qemu_log = os.path.join(directory, "qemu.log")
        self._qemus = None  # the process with which all QEMUs end

    def up(self):
        self._start_qemus()
        template = self._template()
        for i in range(0, len(self.sides), STARTED_AT_ONCE):
            batch = self.sides[i:i + STARTED_AT_ONCE]
            for side in batch:
                side.start(template)
            self._wait_state(batch, "protected")

    def down(self):
        ours = [p for p in (self._qemus, *(s.ftd for s in self.sides)) if p]
        for p in ours:
            processes.kill(p, wait=False)
        for p in ours:
            p.wait(30)

    def _start_qemus(self):
        fixtures = os.path.join(ROOT, "tests", "unit", "fixtures")
        argv = [self._fake_qemu, fixtures, self.dir, str(len(self.pairs)), str(self._checkpoint_ms),
                *([self._hostility] if self._hostility else [])]
        self._qemus = processes.spawn(argv, self._qemu_log)
        processes.wait_until(lambda: len(self._said("side")) == len(self.sides), "the QEMUs to listen", 120, 0.1)
        for (pair, letter), pid in self._said("side").items():
            self.pairs[pair][letter == "b"].qemu = pid

    def _said(self, word):
        """{(pair, letter): number} of the QEMUs' lines that begin so."""
        with open(self._qemu_log, encoding="ascii") as f:
            lines = [line.split() for line in f]
        return {(int(words[1]), words[2]): int(words[3]) for words in lines if words[0] == word}

    def leads(self):
        """{(pair, letter): when its guest ran alone, CLOCK_REALTIME, s}"""
        return {who: ns / 1e9 for who, ns in self._said("lead").items()}

    def _template(self):
        """The shipped example, with a word in @ where sides differ."""
        key = os.path.join(self.dir, "key")
        subprocess.run([self.ftctl, "genkey", key], check=True, capture_output=True)
        with open(os.path.join(ROOT, "ft.conf.example"), encoding="utf-8") as f:
            text = f.read()
        links = tuple({"local": f"@LOCAL{i}@", "peer": f"@PEER{i}@"} for i in range(len(LINKS)))
        return ftconf.with_settings(text, {
            "pair": "@PAIR@", "node": "@NODE@", "state_dir": "@DIR@/state", "heartbeat.key_file": key,
            "heartbeat.interval_ms": self.interval_ms, "heartbeat.links": links,
            "qmp.socket": "@DIR@/qmp.sock", "qmp.oob_socket": "@DIR@/qmp-oob.sock",
            "control.socket": "@DIR@/ftd.sock", **self.arbiter.settings("")})

    @staticmethod
    def _wait_state(sides, state, seconds=180):
        """Asks each side until it is there, and then no more."""
        left = collections.deque(sides)
        end = time.monotonic() + seconds
        while left:
            left = collections.deque(s for s in left if s.state() != state)
            if left and time.monotonic() > end:
                raise TimeoutError(f"{len(left)} sides are not {state}, one of them: {left[0].dir} is {left[0].state()}")
            time.sleep(0.2 if left else 0)

    def alarms(self, sides, since):
        """The sides that left state protected at any time after `since`."""
        found = []
        for s in sides:
            at = s.protected_since()
            if at is None or at > since:
                found.append(f"{s.pair}{s.letter} is {s.state()}, protected since {at}")
        return found

    def wait_solo(self, sides):
        self._wait_state(sides, "solo", 60)


# ---- what it costs


class Cost:
    """What all ftd used between its making and .over()."""

    def __init__(self, fleet):
        children = procfs.families()
        self._pids = {s: (s.ftd.pid, *children[s.ftd.pid]) for s in fleet.sides}
        # Whole pairs, since primaries and secondaries differ; the kernel takes a ms for each process.
        self._looked_at = [s for pair in fleet.pairs[::max(1, len(fleet.pairs) // MEMORY_OF)] for s in pair]
        self._began, self._busy, self._first = time.monotonic(), procfs.machine_busy_s(), self._look()

    def _look(self):
        return {s: [procfs.use(pid) for pid in pids] for s, pids in self._pids.items()}

    def over(self):
        last, seconds = self._look(), time.monotonic() - self._began
        machine = (procfs.machine_busy_s() - self._busy) / seconds

        def rate(field, which):
            """{side: per second}; which: a slice of its processes, ftd itself being the first."""
            return {s: sum(getattr(l, field) - getattr(f, field) for f, l in zip(self._first[s][which], last[s][which], strict=True))
                    / seconds for s in last}

        def percent(which):
            return {s: 100 * r for s, r in rate("cpu_s", which).items()}

        memory = {s: [procfs.memory(pid) for pid in self._pids[s]] for s in self._looked_at}

        def mb(field, which):
            return {s: sum(getattr(m, field) for m in each[which]) / 1024 for s, each in memory.items()}

        ftd, whole = slice(0, 1), slice(None)
        scaled_by = len(self._pids) / len(memory)
        return {
            "seconds": round(seconds, 1), "processes_per_side": figures.mean([len(p) for p in self._pids.values()]),
            "cpu_percent_of_a_core": {"all": round(sum(percent(whole).values()), 2), "machine": round(100 * machine, 1),
                                      "per_side": by_role(percent(whole)), "per_ftd": by_role(percent(ftd))},
            "wakeups_per_second": {"per_side": by_role(rate("wakeups", whole)), "per_ftd": by_role(rate("wakeups", ftd))},
            "pss_mb": {"all": round(scaled_by * sum(mb("pss_kb", whole).values()), 1),
                       "per_side": by_role(mb("pss_kb", whole)), "per_ftd": by_role(mb("pss_kb", ftd))},
            "private_mb": {"per_side": by_role(mb("private_kb", whole)), "per_ftd": by_role(mb("private_kb", ftd))},
        }


def by_role(values):
    """{role: spread of its sides' values, "mean": of all}: a primary does more than a secondary; no figure is both's."""
    found = {role: figures.spread([v for s, v in values.items() if s.letter == letter]) for role, letter in ROLES.items()}
    return found | {"mean": round(figures.mean(list(values.values())), 3)}


# ---- the blow


def kill_at_once(fleet, count):
    """The primary's ftd and QEMU of so many pairs; what became of the survivors, and of the others."""
    began = time.time()
    victims = [p[0] for p in random.sample(fleet.pairs, count)]
    survivors = [fleet.pairs[v.pair][1] for v in victims]
    others = [s for s in fleet.sides if s not in victims and s not in survivors]
    for v in victims:
        v.kill()
    blow_ms = (time.time() - began) * 1e3
    time.sleep(fleet.interval_ms * LOST_AFTER / 1e3 + 1)  # while it matters, nobody is asked anything
    fleet.wait_solo(survivors)
    time.sleep(1)  # for the records to reach the disk
    leads = fleet.leads()
    results = [survivor_result(fleet, s, v, leads) for s, v in zip(survivors, victims, strict=True)]
    return {"killed": count, "blow_ms": round(blow_ms, 1), "survivors": results, "false_alarms": fleet.alarms(others, began)}


def survivor_result(fleet, survivor, victim, leads):
    records = survivor.outcomes()
    assert len(records) == 1 and records[0]["result"] == "success", f"{survivor.dir}: {records}"
    record = records[0]
    assert record["cause"] == "peer-lost" and record["claim"]["result"] == "won", f"{survivor.dir}: {record}"
    ended = datetime.datetime.fromisoformat(record["time"]).timestamp()
    parts = record["durations_ms"]
    heard = ended - parts["total"] / 1e3  # the record's times count from the peer's last heartbeat
    runs = leads[survivor.pair, survivor.letter]
    rightful = heard + fleet.interval_ms * LOST_AFTER / 1e3
    return {"cause": record["cause"], "kill_to_running_ms": (runs - victim.killed_at) * 1e3,
            "kill_to_solo_ms": (ended - victim.killed_at) * 1e3, "detection_ms": parts["detection"],
            "late_ms": (runs - rightful) * 1e3, "claim_ms": parts["claim"], "plan_ms": parts["plan"]}


# ---- one run, and all


def run(options, pairs, interval_ms):
    print(f"{pairs} pairs at {interval_ms} ms", flush=True)
    with contextlib.ExitStack() as stack:
        directory = tempfile.mkdtemp(prefix="ftd-scale-", dir=options.dir)
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        etcd_directory = tempfile.mkdtemp(prefix="ftd-scale-etcd-", dir=options.etcd_dir)
        stack.callback(shutil.rmtree, etcd_directory, ignore_errors=True)
        etcd = Etcd(etcd_directory)
        stack.callback(etcd.end)
        fleet = Fleet(directory, pairs, etcd, options.build, interval_ms, options.checkpoint_ms)
        stack.callback(fleet.down)
        began = time.monotonic()
        fleet.up()
        print(f"  all protected after {time.monotonic() - began:.0f} s", flush=True)
        time.sleep(options.settle)
        calm_since = time.time()
        cost = Cost(fleet)
        time.sleep(options.seconds)
        cost = cost.over()
        alarms = fleet.alarms(fleet.sides, calm_since)
        print(f"  {options.seconds:g} s over, {len(alarms)} false alarms", flush=True)
        # After an alarm some have failed over already.
        blow = kill_at_once(fleet, min(options.kill, pairs)) if options.kill and not alarms else None
        return {"pairs": pairs, "interval_ms": interval_ms, "lost_after": LOST_AFTER, "links": len(LINKS),
                "checkpoint_ms": options.checkpoint_ms, "etcd_dir": options.etcd_dir,
                "false_alarms": alarms, "cost": cost, "blow": blow}


def tables(runs):
    names = [f"{r['pairs']} pairs, {r['interval_ms']} ms" for r in runs]
    cost = figures.Table(f"{runs[0]['links']} links, {runs[0]['lost_after']} heartbeats to be lost, arbiter etcd, a checkpoint "
                         f"every {runs[0]['checkpoint_ms']} ms", "", *names)

    def row(text, of):
        cost.add(text, *map(of, runs))

    def of_each(text, kind):
        """A side is ftd with its children."""
        for whose, who in (("per_side", "one side"), ("per_ftd", "its ftd alone")):
            row(text.format(who) + ", mean", lambda r, w=whose: f"{r['cost'][kind][w]['mean']:.3g}")
            for role in ROLES:
                row(f"... {role}, median (max)",
                    lambda r, w=whose, o=role: "{median:.3g} ({max:.3g})".format(**r["cost"][kind][w][o]))

    row("watched for, s", lambda r: f"{r['cost']['seconds']:.0f}")
    row("false alarms", lambda r: len(r["false_alarms"]))
    row("CPU of all ftd, % of a core", lambda r: r["cost"]["cpu_percent_of_a_core"]["all"])
    row("CPU of the machine, % of a core", lambda r: r["cost"]["cpu_percent_of_a_core"]["machine"])
    row("processes of one side", lambda r: f"{r['cost']['processes_per_side']:g}")
    of_each("CPU of {}, % of a core", "cpu_percent_of_a_core")
    of_each("wake-ups of {} per second", "wakeups_per_second")
    row("PSS of all, MB", lambda r: r["cost"]["pss_mb"]["all"])
    of_each("PSS of {}, MB", "pss_mb")
    of_each("private memory of {}, MB", "private_mb")
    blow = figures.Table("Peers (ftd and QEMU) killed at once, all claims at one etcd", "ms", "median", "p99", "max")
    for name, r in zip(names, runs, strict=True):
        for text, key in (("kill to guest running alone", "kill_to_running_ms"), ("kill to proven", "kill_to_solo_ms"),
                          ("... after last heartbeat + detection time", "late_ms"), ("claim", "claim_ms"),
                          ("plan", "plan_ms")) if r["blow"] else ():
            blow.add(f"{name}, {r['blow']['killed']} killed: {text}",
                     *figures.spread_cells([s[key] for s in r["blow"]["survivors"]]))
    reached = figures.Table("Targets", "", "target", "measured", "reached")
    for t in targets(runs):
        reached.add(t["what"], t["target"], t["measured"], "yes" if t["reached"] else "NO")
    return [cost, *([blow] if blow.rows else []), reached]


def targets(runs):
    found = []

    def below(what, limit, measured):
        found.append({"what": what, "target": f"< {limit}", "measured": measured, "reached": measured < limit})

    for r in runs:
        name, alarms = f"{r['pairs']} pairs, {r['interval_ms']} ms", len(r["false_alarms"])
        found.append({"what": f"{name}: false alarms", "target": "0", "measured": alarms, "reached": alarms == 0})
        for role in ROLES if r["interval_ms"] == 100 else ():
            below(f"{name}: CPU of one side, {role}, median, % of a core", CPU_PERCENT,
                  r["cost"]["cpu_percent_of_a_core"]["per_side"][role]["median"])
        for role in ROLES:
            below(f"{name}: PSS of one ftd, {role}, max, MB", PSS_MB, r["cost"]["pss_mb"]["per_ftd"][role]["max"])
    return found


def faults(runs):
    found = [f"{len(r['false_alarms'])} false alarms with {r['pairs']} pairs: {r['false_alarms'][:3]}"
             for r in runs if r["false_alarms"]]
    return found + [f"false alarms of pairs that nobody touched: {r['blow']['false_alarms'][:3]}"
                    for r in runs if r["blow"] and r["blow"]["false_alarms"]]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else tempfile.gettempdir()
    parser.add_argument("--pairs", type=int, help="one run with so many pairs instead of the two")
    parser.add_argument("--interval", type=int, default=100, metavar="MS", help="heartbeat interval of that run")
    parser.add_argument("--seconds", type=float, default=300, help="how long each run must stay calm (default 300)")
    parser.add_argument("--quick", action="store_true", help="20 s instead")
    parser.add_argument("--settle", type=float, default=5, metavar="S", help="wait so long before (default 5)")
    parser.add_argument("--kill", type=int, default=100, help="primaries killed at once at the end; 0: none (default 100)")
    parser.add_argument("--checkpoint-ms", type=int, default=2000, help="between two checkpoints of a QEMU (default 2000; "
                        "QEMU's own default is 20000)")
    parser.add_argument("--dir", default=memory, help="for state and sockets: hundreds of hosts have as many disks, we have one "
                        "(default: memory, /dev/shm)")
    parser.add_argument("--etcd-dir", default=memory, help="for etcd's data (default: memory, /dev/shm)")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"), help="where the binaries are")
    parser.add_argument("--json", default=os.path.join(ROOT, "build", "bench", "scale.json"), help="where the results go")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    options = parser.parse_args()
    if options.quick:
        options.seconds = 20
    return options


def into_namespace():
    """Ports and addresses of our own, so that nothing else on this machine is in the way."""
    if os.geteuid() == 0 and not os.environ.get(IN_NAMESPACE) and shutil.which("unshare"):
        script = 'ip link set lo up && exec "$0" "$@"'
        os.environ[IN_NAMESPACE] = "1"
        os.execvp("unshare", ["unshare", "--net", "sh", "-c", script, sys.executable, os.path.abspath(__file__), *sys.argv[1:]])


def main():
    options = arguments()
    into_namespace()
    processes.end_with_everything()
    source = origin.now()
    plan = [(options.pairs, options.interval)] if options.pairs else [(200, 100), (500, 250)]
    runs = [run(options, *each) for each in plan]
    figures.publish(options.json, source, {"targets": targets(runs), "runs": runs}, tables(runs), options.markdown)
    for fault in faults(runs):
        print(f"FAULT: {fault}", file=sys.stderr)
    return 1 if faults(runs) else 0


if __name__ == "__main__":
    sys.exit(main())
