"""FRR's bfdd, with the zebra that tells it of interfaces.

The notice is bfdd's log of a state change, on its standard output.
"""

import re
import subprocess

from tests.bench import lab as place
from tests.bench.daemons import bfd, daemon
from tests.pair import processes

_ZEBRA, _BFDD = "/usr/lib/frr/zebra", "/usr/lib/frr/bfdd"
_COMMON = ("--user", "frr", "--group", "frr", "--vty_port", "0")  # it refuses to be root


class Bfdd(bfd.Bfd):
    NAME = "FRR bfdd"
    PROGRAMS = (_BFDD, _ZEBRA)
    REMARK = bfd.Bfd.REMARK + "; zebra, which it needs, is counted in"

    @classmethod
    def version(cls):
        said = subprocess.run([_BFDD, "--version"], capture_output=True, text=True, check=True).stdout
        return re.search(r"version ([0-9.]+)", said).group(1)

    def launch(self, node):
        conf = self.file(node, "bfdd.conf", f"""
log stdout debugging
debug bfd peer
bfd
 peer {place.address(place.other(node))} interface hb0
  detect-multiplier {bfd.MULTIPLIER}
  receive-interval {self.timing.interval_ms}
  transmit-interval {self.timing.interval_ms}
  no shutdown
 !
!
""")
        here = self.folder[node]
        self.lab.remove(node, "/run/frr/zserv.api")  # the one before may have left it
        self.spawn(node, [_ZEBRA, "--config_file", self.file(node, "zebra.conf", "\n"),
                          "--pid_file", "/run/frr/zebra.pid", *_COMMON], here + "/zebra.log")
        # bfdd asks for it once, and then not again for ten seconds.
        processes.wait_until(lambda: self.lab.has(node, "/run/frr/zserv.api"), "zebra's socket")
        self.spawn(node, [_BFDD, "--config_file", conf, "--pid_file", "/run/frr/bfdd.pid", *_COMMON,
                          "--log", "stdout"])

    def meaning(self, node, line):
        """... state-change: [mhop:no ...] up -> down reason:control-expired"""
        if "state-change:" not in line:
            return None
        if "-> up" in line:
            return daemon.UP
        if "up -> down" not in line:
            return None
        return daemon.LOST if "expired" in line else daemon.TOLD
