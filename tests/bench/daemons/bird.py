"""BIRD's protocol bfd.

The notice is its debug line about a session's state, on standard error.
"""

import subprocess

from tests.bench import lab as place
from tests.bench.daemons import bfd, daemon


class Bird(bfd.Bfd):
    NAME = "BIRD bfd"
    PROGRAMS = ("/usr/sbin/bird",)

    @classmethod
    def version(cls):
        said = subprocess.run([cls.PROGRAMS[0], "--version"], capture_output=True, text=True, check=True).stderr
        return said.split()[-1]

    def __init__(self, lab, ear, timing):
        super().__init__(lab, ear, timing)
        self._expired = set()  # nodes whose session has just timed out; the next line says that it is down

    def launch(self, node):
        ms = self.timing.interval_ms
        conf = self.file(node, "bird.conf", f"""
log stderr all;
router id {place.address(node)};
protocol device {{ }}
protocol bfd bench {{
    debug {{ states, events }};
    interface "hb0" {{
        min rx interval {ms} ms;
        min tx interval {ms} ms;
        idle tx interval {ms} ms;
        multiplier {bfd.MULTIPLIER};
    }};
    neighbor {place.address(place.other(node))} dev "hb0";
}}
""")
        here = self.folder[node]
        self.spawn(node, [self.PROGRAMS[0], "-f", "-c", conf, "-s", here + "/control", "-P", here + "/pid"])

    def meaning(self, node, line):
        """... Session to 10.79.0.2 expired; ... changed state from Up to Down"""
        if " expired" in line:
            self._expired.add(node)
            return None
        if " to Up" in line:
            return daemon.UP
        if "from Up to Down" not in line:
            return None
        own = node in self._expired
        self._expired.discard(node)
        return daemon.LOST if own else daemon.TOLD
