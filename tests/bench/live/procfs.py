"""What the kernel says about processes: CPU time, memory, wake-ups.

Knows: /proc.  Must not know: whose processes they are.
"""

import collections
import os

TICK = os.sysconf("SC_CLK_TCK")
Use = collections.namedtuple("Use", "cpu_s wakeups")
Memory = collections.namedtuple("Memory", "pss_kb private_kb rss_kb")


def _read(pid, name):
    with open(f"/proc/{pid}/{name}", encoding="ascii", errors="replace") as f:
        return f.read()


def _fields(text):
    """{key: first number} of lines "key:  number ..."."""
    found = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        word = value.split()[:1]
        if word and word[0].isdigit():
            found[key] = int(word[0])
    return found


def use(pid):
    """CPU seconds in user and kernel mode, and how often it slept and was woken, since its start."""
    try:
        cpu = int(_read(pid, "schedstat").split()[0]) / 1e9  # all other counts come in ticks of 10 ms
    except (FileNotFoundError, IndexError):
        fields = _read(pid, "stat").rpartition(") ")[2].split()
        cpu = (int(fields[11]) + int(fields[12])) / TICK
    return Use(cpu, _fields(_read(pid, "status"))["voluntary_ctxt_switches"])


def memory(pid):
    """Proportional: a page that n processes share counts 1/n in each."""
    found = _fields(_read(pid, "smaps_rollup"))
    return Memory(found["Pss"], found["Private_Clean"] + found["Private_Dirty"], found["Rss"])


def peak_rss_kb(pid):
    return _fields(_read(pid, "status"))["VmHWM"]


def families():
    """{pid: [pids of its children]} of all processes now."""
    found = collections.defaultdict(list)
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                found[int(_read(entry, "stat").rpartition(") ")[2].split()[1])].append(int(entry))
            except (OSError, IndexError):
                pass  # it has ended
    return found


def machine_busy_s():
    """CPU seconds of all processors since the boot, idle and waiting ones left out."""
    with open("/proc/stat", encoding="ascii") as f:
        user, nice, system, _idle, _wait, irq, softirq, steal = map(int, f.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICK
