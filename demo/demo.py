#!/usr/bin/env python3
"""Shows what ftd does: a real COLO pair on this machine, killed twice, while its guest counts.

Knows: the test harness.  Must not know: anything that a user could not see as well.
"""

import datetime
import os
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from tests.e2e.harness import protected, wait  # noqa: E402 (the path above comes first)
from tests.pair import build, dialect, processes  # noqa: E402
from tests.pair.pair import numbers  # noqa: E402

TICK_MS = 50  # the guest counts 20 times a second
WATCH = 1.5  # seconds, before and after


class Counters:
    """Notes when each side's guest is heard to count."""

    def __init__(self, sides):
        self.ticks = {s.node: [] for s in sides}  # node -> [(wall clock, count)]
        self._sides, self._done = sides, False
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self):
        self._done = True
        self._thread.join()

    def _watch(self):
        logs = {s.node: open(s.qemu.path("serial.log"), encoding="ascii") for s in self._sides}
        rest = dict.fromkeys(logs, "")
        while not self._done:
            for node, log in logs.items():
                rest[node] += log.read()
                whole, end, rest[node] = rest[node].rpartition("\n")
                now = time.time()
                self.ticks[node] += [(now, n) for n in numbers(whole + end)]
            time.sleep(0.001)
        for log in logs.values():
            log.close()


def as_heard_outside(counters, victim, survivor, taken_over):
    """The ticks of whichever side led at the time: the secondary's own are heard only once it has taken over."""
    before, after = counters.ticks[victim.node], counters.ticks[survivor.node]
    return before, [t for t in after if t[0] >= taken_over]


def longest_gap(ticks):
    return max(1000 * (two[0] - one[0]) for one, two in zip(ticks, ticks[1:], strict=False))


def indented(text):
    return "\n".join("    " + line for line in text.rstrip().splitlines())


def show(number, title, strike):
    """Brings up a pair, lets `strike` happen to its primary, tells what came of it."""
    print(f"\n{number}. {title}\n")
    began = time.monotonic()
    with protected(build=os.environ.get("FTD_BUILD", "build")) as rig:
        alpha, beta = rig.sides
        print(f"  a fresh pair is protected after {time.monotonic() - began:.1f} s:")
        for s in rig.sides:
            status = s.status()
            print(f"    {s.node:5}  {status['state']}, {status['role']}, {len(status['links'])} heartbeat links, "
                  f"QEMU {status['qemu']['pid']}")
        wait(lambda: beta.qemu.counter() > 0, "the guest to count")
        counters = Counters(rig.sides)
        time.sleep(WATCH)
        print(f"\n  the guest counts: alpha (primary) is at {alpha.qemu.counter()}, "
              f"beta (secondary) follows at {beta.qemu.counter()}")

        print(f"  now: {strike(alpha)}")
        beta.wait_state("solo")
        time.sleep(WATCH)
        counters.stop()

        outcome = beta.outcomes()[-1]
        taken_over = datetime.datetime.fromisoformat(outcome["time"]).timestamp()
        before, after = as_heard_outside(counters, alpha, beta, taken_over)
        gap = longest_gap(before + after)
        print("\n  beta says (ftctl last):\n")
        print(indented(beta.ftctl("last").stdout))
        print(f"\n  the guest's counter, as heard outside: alpha's last number was {before[-1][1]}, "
              f"beta went on with {after[0][1]} and is at {after[-1][1]}")
        print(f"  longest gap between two numbers: {gap:.0f} ms (they come every {TICK_MS} ms)")
        running = beta.qemu.colo() == ("none", "secondary", "running") and after[-1][1] > before[-1][1]
        return outcome, gap, running and alpha.qemu.gone()


def kill_qemu(side):
    side.qemu.process.kill()
    return f"kill -9 {side.qemu.process.pid}, the primary's QEMU"


def kill_host(side):
    side.ftd.kill()
    side.qemu.process.kill()
    return f"kill -9 {side.qemu.process.pid} {side.ftd.pid}, the primary's QEMU and its ftd, as if the host had died"


def main():
    processes.end_with_everything()
    version = subprocess.run([dialect.program(), "--version"], capture_output=True, text=True, check=True).stdout.split("\n")[0]
    fault = build.kvm_fault()
    print("ftd demo: two QEMUs in COLO and two ftd, on this machine's loopback, with the settings of ft.conf.example")
    print(version + (", with KVM" if build.accelerator() == "kvm" else
                     f", emulated (TCG){f': {fault}' if fault else ''}; with a test-only work-around for QEMU's TCG deadlock"))

    shown = [show(1, "The primary's QEMU dies", kill_qemu), show(2, "The primary's whole host dies", kill_host)]

    good = all(running and outcome["result"] == "success" for outcome, _, running in shown)
    times = " and ".join(f"{outcome['durations_ms']['total']:.1f} ms" for outcome, _, _ in shown)
    if good:
        print(f"\nVerdict: both times the secondary took over, {times} after the first evidence, and the guest went on counting.")
        return 0
    print("\nVerdict: FAILED, the guest did not go on as it should; see above.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
