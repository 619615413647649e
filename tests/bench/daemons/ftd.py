"""ftd, this project's own: two of them without QEMU, which its heartbeats do not need.

The notice is its log line "peer lost", written when the detector has judged and before anything is done about it.
"""

import json
import os
import subprocess

from tests.bench import lab as place
from tests.bench.daemons import daemon
from tests.e2e import ftconf

PORT = 7400
_UDP = 17
_FTD, _FTCTL = (os.path.join(place.ROOT, "build", program) for program in ("ftd", "ftctl"))


class Ftd(daemon.Pair):
    NAME = "ftd"
    PROGRAMS = (_FTD, _FTCTL)
    REALTIME_SETTING = False

    @classmethod
    def missing(cls):
        return None if all(os.access(p, os.X_OK) for p in cls.PROGRAMS) else "build/ftd is not there: make"

    @classmethod
    def version(cls):
        return subprocess.run([_FTD, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]

    @classmethod
    def timing(cls, nominal_ms):
        return cls.beats(nominal_ms, 3)

    @staticmethod
    def beats(nominal_ms, lost_after):
        if nominal_ms // lost_after < 5:
            raise daemon.NotPossible("an interval under 5 ms is not allowed")
        return daemon.Timing(nominal_ms // lost_after, nominal_ms, lost_after)

    def launch(self, node):
        key = self.file(node, "key", "42" * 32 + "\n", 0o600)
        with open(os.path.join(place.ROOT, "ft.conf.example"), encoding="utf-8") as f:
            example = f.read()
        other = place.other(node)
        links = tuple({"local": f"{place.address(node, c)}:{PORT}", "peer": f"{place.address(other, c)}:{PORT}"}
                      for c in place.CABLES[:self.LINKS])
        here = self.folder[node]
        conf = self.file(node, "ft.conf", ftconf.with_settings(example, {
            "node": node, "state_dir": here + "/state", "heartbeat.key_file": key, "heartbeat.links": links,
            "heartbeat.interval_ms": self.timing.interval_ms, "heartbeat.lost_after": self.timing.values,
            "qmp.socket": here + "/qmp.sock", "qmp.oob_socket": here + "/oob.sock", "arbiter.type": "none",
            "control.socket": here + "/control.sock", "realtime": self.REALTIME_SETTING}))
        self.spawn(node, [_FTD, "-c", conf])

    def meaning(self, node, line):
        if "peer lost: " in line:
            return daemon.LOST
        return daemon.UP if "heartbeat: peer " in line and " heard" in line else None

    def is_up(self):
        """It says when it has lost its peer, but does not say in its log that it hears it again."""
        lost = [n for n in place.NODES if self.peer_is[n] == daemon.LOST]
        return all(self._hears_again(n) for n in lost) and super().is_up()

    def _hears_again(self, node):
        asked = subprocess.run([_FTCTL, "-s", self.folder[node] + "/control.sock", "--json", "status"],
                               capture_output=True, text=True, timeout=10, check=False)
        try:
            hears = json.loads(asked.stdout)["peer"]["alive"]
        except (ValueError, KeyError, TypeError):  # it does not answer, or knows no peer
            return False
        if hears:
            self.peer_is[node] = daemon.UP
        return hears

    def is_heartbeat(self, protocol, port):
        return protocol == _UDP and port == PORT


class FtdTwoLinks(Ftd):
    NAME = "ftd, 2 links"
    LINKS = 2


class FtdSmallSteps(Ftd):
    NAME = "ftd, 10 ms"
    REMARK = "the same detection time from smaller intervals"

    @classmethod
    def timing(cls, nominal_ms):
        if nominal_ms <= 30 or nominal_ms > 900:
            raise daemon.NotPossible("only 150, 300 and 900 ms are of interest")
        return cls.beats(nominal_ms, nominal_ms // 10)


class FtdRealTime(Ftd):
    NAME = "ftd, realtime"
    REALTIME_SETTING = True
    REMARK = ("realtime = true, as corosync has it without being asked; it is measured among the others all the same, "
              "since it takes about a hundredth of a core")

    @classmethod
    def timing(cls, nominal_ms):
        if nominal_ms not in (30, 150):
            raise daemon.NotPossible("only 30 and 150 ms are of interest")
        return cls.beats(nominal_ms, 3)
