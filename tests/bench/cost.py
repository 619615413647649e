"""What some processes have used so far: CPU, wake-ups, memory, system calls.

Knows: strace, and whom to ask about /proc.  Must not know: which processes these are.
"""

import os
import shutil
import signal
import subprocess

from tests.bench.live import procfs
from tests.pair import processes


def used(pids):
    """{"cpu_s", "wakeups"} since these processes began, over all their threads.

    A wake-up is a voluntary switch to the thread: it had slept.  CPU time is the scheduler's own count, in ns; what the
    kernel does for a packet in an interrupt is on nobody's account.
    """
    threads = [procfs.use(f"{pid}/task/{thread}") for pid in pids for thread in os.listdir(f"/proc/{pid}/task")]
    return {"cpu_s": sum(t.cpu_s for t in threads), "wakeups": sum(t.wakeups for t in threads)}


def memory(pids):
    """{"rss_kb", "pss_kb", "private_kb"}: resident; with each shared page divided by the number of processes that share
    it; without any of those."""
    each = [procfs.memory(pid) for pid in pids]
    return {k: sum(getattr(m, k) for m in each) for k in ("rss_kb", "pss_kb", "private_kb")}


class SystemCalls:
    """Counts the system calls of some processes until count() is called."""

    def __init__(self, pids, folder, name):
        self._output = os.path.join(folder, f"{name}.strace")
        attach = [argument for p in pids for argument in ("-p", str(p))]
        self._strace = processes.spawn(["strace", "-c", "-U", "calls,name", "-f", "-o", self._output, *attach],
                                       self._output + ".log")

    @staticmethod
    def missing():
        """None if they can be counted, else why not."""
        if not shutil.which("strace"):
            return "strace is not installed: make bench-peers"
        tried = subprocess.run(["strace", "-c", "-U", "calls,name", "true"], capture_output=True, check=False)
        return None if tried.returncode == 0 else f"strace: {tried.stderr.decode(errors='replace').strip()}"

    def count(self):
        """{name: how often}"""
        self._strace.send_signal(signal.SIGINT)
        self._strace.wait(30)
        with open(self._output, encoding="ascii", errors="replace") as f:
            lines = [line.split() for line in f]
        counts = {words[1]: int(words[0]) for words in lines if len(words) == 2 and words[0].isdigit()}
        counts.pop("total", None)
        return counts
