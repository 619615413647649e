"""Who in a running ftd allocates memory, or calls what may block: witness.c within it, and its page read from here.

Knows: witness.c's page, addr2line.  Must not know: what ftd may do and what not.
"""

import collections
import os
import struct
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
HEAD = struct.Struct("=3Q")  # pid, base, missed
FRAMES = 30
STACK = struct.Struct(f"=16s2Q{FRAMES}Q")

Call = collections.namedtuple("Call", "name frames")  # frames: offsets of return addresses in the program, innermost first


class Witness:
    """Within one ftd.  Start it inside .argv."""

    def __init__(self, directory, program):
        self.program, self.page = program, os.path.join(directory, "witness")
        lib = os.path.join(directory, "witness.so")
        subprocess.run(["cc", "-O2", "-g", "-Wall", "-Wextra", "-fPIC", "-shared", "-o", lib, os.path.join(HERE, "witness.c")],
                       check=True)
        self.argv = ("env", f"LD_PRELOAD={lib}", f"WITNESS={self.page}")
        self.size = os.path.getsize(program)
        self._known = {}  # offset -> places

    def calls(self):
        """Call -> how often it was made so far."""
        with open(self.page, "rb") as f:
            data = f.read()
        _, base, missed = HEAD.unpack_from(data)
        assert missed == 0, f"{missed} calls from more stacks than the witness has room for"
        counts = collections.Counter()
        for name, count, depth, *frames in STACK.iter_unpack(data[HEAD.size:]):
            if count:
                own = tuple(a - base for a in frames[:depth] if 0 < a - base < self.size)
                counts[Call(name.rstrip(b"\0").decode(), own)] += count
        return counts

    def where(self, call):
        """[(function, file:line)], innermost first, functions that were inlined too."""
        return [place for offset in call.frames for place in self._places(offset)]

    def _places(self, offset):
        if offset not in self._known:
            # The call is before the address that it returns to.
            out = subprocess.run(["addr2line", "-f", "-i", "-e", self.program, hex(offset - 1)], capture_output=True,
                                 text=True, check=True).stdout.splitlines()
            self._known[offset] = [(f, os.path.relpath(at, ROOT)) for f, at in zip(out[::2], out[1::2])]
        return self._known[offset]
