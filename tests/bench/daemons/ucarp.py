"""ucarp: CARP.  The peer is master and sends; the observer is backup and judges.

The notice is its line about becoming master, on standard error, written before it runs its script.
"""

import subprocess

from tests.bench import lab as place
from tests.bench.daemons import daemon

_CARP, _DEAD_RATIO = 112, 3


class Ucarp(daemon.Pair):
    NAME = "ucarp"
    PROGRAMS = ("/usr/sbin/ucarp",)
    PACKAGE = "ucarp"
    BOTH_WATCH = False
    REMARK = "CARP: only the observer judges, the peer only sends"

    @classmethod
    def version(cls):
        said = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", cls.PACKAGE], capture_output=True, text=True,
                              check=False)
        return said.stdout or "unknown"

    @classmethod
    def timing(cls, nominal_ms):
        if nominal_ms < 3000:
            raise daemon.NotPossible("its intervals are whole seconds")
        interval = nominal_ms // _DEAD_RATIO
        return daemon.Timing(interval, nominal_ms, interval // 1000)

    def launch(self, node):
        script = self.file(node, "script", "#!/bin/sh\n", 0o755)
        # The observer's skew of 1/256 s makes it the backup.
        self.spawn(node, [self.PROGRAMS[0], "--interface=hb0", f"--srcip={place.address(node)}", "--vhid=51",
                          "--pass=bench", "--addr=10.79.0.100", f"--advbase={self.timing.values}",
                          f"--advskew={int(node == place.OBSERVER)}", f"--deadratio={_DEAD_RATIO}",
                          "--upscript=" + script, "--downscript=" + script, "--preempt"])

    def meaning(self, node, line):
        if "Switching to state: MASTER" in line:
            return daemon.LOST if node == place.OBSERVER else daemon.UP
        if "Switching to state: BACKUP" in line:
            return daemon.UP if node == place.OBSERVER else daemon.LOST
        return None

    def is_heartbeat(self, protocol, port):
        return protocol == _CARP
