"""Looks at both QEMUs all the while, many hundred times a second, for a moment in which two guests run.

Knows: the law, /proc, QMP.  Must not know: what a scenario does, or what ftd thinks.

The law: once a side's guest runs alone, or once the register says that it may, the other side's guest stands still.  (The
one exception: a secondary that is not alone itself may run on until it learns that it has lost; the world does not
see it.)  Nothing here compares clocks: what makes a look guilty was seen before it.
"""

import os
import signal
import threading
import time

from tests.pair import processes
from tests.pair.monitor import Monitor, QmpError, QmpTimeout

_EXITING = 0x4  # PF_EXITING, linux/sched.h
_SIGSTOP = 1 << (signal.SIGSTOP - 1)


def _thread(pid, thread):
    """(state, PF_EXITING, the signals that wait for it), or None once it has ended."""
    try:
        with open(f"/proc/{pid}/task/{thread}/stat", encoding="ascii", errors="replace") as f:
            fields = f.read().rpartition(") ")[2].split()
        with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii", errors="replace") as f:
            pending = int(f.read().partition("SigPnd:")[2].split()[0], 16)
    except OSError:
        return None
    return fields[0], bool(int(fields[6]) & _EXITING), pending


def runs(pid):
    """Whether the kernel lets any thread of the process run code of its own.

    On a busy machine a thread that was stopped, and is not on a processor, stays "R" until its turn comes; it stops before
    it runs anything of its own: for its own SIGSTOP, or because another thread has stopped for the whole process.
    """
    try:
        threads = [_thread(pid, t) for t in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return False
    threads = [t for t in threads if t and t[0] not in "tZX" and not t[1]]
    stopping = any(state == "T" for state, _, _ in threads)
    return not stopping and any(not pending & _SIGSTOP for _, _, pending in threads)


def _has_ended(pid):
    """Killed, or gone: the kernel lets no thread of it run code of its own any more."""
    try:
        threads = [_thread(pid, t) for t in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return True
    return any(t and t[1] for t in threads) or all(t is None or t[0] in "ZX" for t in threads)


def dies(pid):
    """A frozen process that is being killed wakes up, for a moment and within the kernel, to die."""
    end = time.monotonic() + 1
    while time.monotonic() < end:
        if processes.state(pid) in ("Z", "X", None):
            return True
        time.sleep(0.001)
    return False


class Watch:
    """`with Watch(rig) as w:`; leaving it stops the looking and tells what was seen."""

    EVERY = 0.001  # seconds

    def __init__(self, rig):
        self._sides = rig.sides
        self._arbiter = rig.arbiter
        self._known = set(rig.arbiter.registers())
        self._stop = threading.Event()
        self._pids = {s.node: s.qemu.process.pid for s in rig.sides}
        self._was_primary = {s.node: s.qemu.colo()[0] == "primary" for s in rig.sides}
        self.alone = dict.fromkeys(self._pids)  # when QEMU said so itself
        self.winner = None  # who stands in the register
        self.looks = 0
        self.faults = []
        self._said = {}  # how much the loser had said when it had lost
        self._frozen = set()  # who stood still when the other began to run alone, or since
        self._threads = [threading.Thread(target=self._look, daemon=True)]
        self._threads += [threading.Thread(target=self._read_register, daemon=True)]
        self._threads += [threading.Thread(target=self._ask, args=(s,), daemon=True) for s in rig.sides]

    def __enter__(self):
        for t in self._threads:
            t.start()
        return self

    def __exit__(self, kind, *_):
        self._stop.set()
        for t in self._threads:
            t.join()
        if kind is None:
            self.check()

    def check(self):
        assert self.looks and not self.faults, self.faults
        for side in self._sides:
            said, now = self._said.get(side.node), side.qemu.said()
            assert said in (None, now), f"{side.node}'s guest spoke after it had lost: {now - said} bytes"

    def _ask(self, side):
        try:
            monitor = Monitor(side.qemu.watch_socket)
        except QmpTimeout:
            return
        while not self._stop.wait(0.003) and not self.alone[side.node]:
            try:
                # QEMU 10.0 leaves COLO, too, when it is asked to end; its guest runs no more then.
                if (monitor.command("query-colo-status", seconds=0.2)["mode"] == "none"
                        and monitor.command("query-status", seconds=0.2)["running"]):
                    self.alone[side.node] = time.monotonic()
            except QmpTimeout:
                pass  # frozen, hung or dead
            except QmpError:
                pass
        monitor.close()

    def _look(self):
        while not self._stop.wait(self.EVERY):
            self.looks += 1
            if self.winner and self._died_before_it_ran(self.winner):
                self._said.clear()  # a winner that died before its guest ran leaves the guest to the other side
                continue
            may = {n for n in self._pids if self.alone[n] or self.winner == n}
            for side in self._sides:
                other = self._sides[1] if side is self._sides[0] else self._sides[0]
                if not runs(self._pids[side.node]):
                    self._frozen.add(side.node)
                elif other.node not in may:
                    self._frozen.discard(side.node)
                if other.node in may and (self._was_primary[side.node] or self.alone[side.node]):
                    self._must_stand_still(side, other)

    def _died_before_it_ran(self, node):
        # A thread that is held in the kernel, by a disk say, leaves the process as it was for a while: none runs any more.
        return not self.alone[node] and _has_ended(self._pids[node])

    def _read_register(self):
        while not self._stop.wait(self.EVERY) and self.winner is None:
            new = {k: v for k, v in self._arbiter.registers().items() if k not in self._known}
            self.winner = next(iter(new.values()), None)

    def _must_stand_still(self, side, other):
        if not runs(self._pids[side.node]):
            self._said.setdefault(side.node, side.qemu.said())
        elif self._died_before_it_ran(other.node):
            pass  # since this look began, and the other side was told
        elif side.node not in self._frozen or not dies(self._pids[side.node]):
            why = "stands in the register" if self.winner == other.node else "runs its guest alone"
            self.faults.append(f"{side.node}'s QEMU ran although {other.node} {why}")
            self._stop.set()
