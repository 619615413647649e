"""What is in another process's memory, and what of it a core file would have.

Knows: /proc.  Must not know: what is looked for.
"""

import os
import re

_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \d+\s*(.*)")
_RESERVED = 1 << 30  # larger ones are the sanitizers' books


def _mappings(pid):
    """(from, to, name, whether a core file has it) of all that can be read."""
    found = []
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as f:
        for line in f:
            m = _MAPPING.match(line)
            if m:
                found.append([int(m[1], 16), int(m[2], 16), m[4], m[3][0] == "r" and not m[4].startswith("[v"), True])
            elif line.startswith("VmFlags:"):
                found[-1][4] = "dd" not in line.split()
    return [(start, end, name, dumped) for start, end, name, readable, dumped in found if readable and end - start < _RESERVED]


def places_of(pid, secrets, in_core=False):
    """Where the memory of pid holds one of the secrets, {name: bytes}; in_core: only what a core file would have."""
    found = []
    with open(f"/proc/{pid}/mem", "rb", 0) as f:
        for start, end, name, dumped in _mappings(pid):
            if in_core and not dumped:
                continue
            try:
                f.seek(start)
                data = f.read(end - start)
            except OSError:
                continue  # it has gone
            found += [(what, name or hex(start)) for what, secret in secrets.items() if secret in data]
    return found


def children(pid):
    """{name: pid}"""
    found = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as f:
            for child in f.read().split():
                with open(f"/proc/{child}/comm", encoding="utf-8") as comm:
                    found[comm.read().strip()] = int(child)
    return found
