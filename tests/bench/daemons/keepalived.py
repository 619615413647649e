"""keepalived: VRRP version 3.  The peer is master and sends; the observer is backup and judges.

The notice is what it writes to its notify FIFO at a change of state.  A judgement is the observer becoming master.
"""

import re
import subprocess

from tests.bench import lab as place
from tests.bench.daemons import daemon

_VRRP = 112
_STATE = {place.PEER: "MASTER", place.OBSERVER: "BACKUP"}
_PRIORITY = {place.PEER: 254, place.OBSERVER: 253}


class Keepalived(daemon.Pair):
    NAME = "keepalived"
    PROGRAMS = ("/usr/sbin/keepalived",)
    BOTH_WATCH = False
    REMARK = "VRRP: only the observer judges, the peer only sends"

    @classmethod
    def version(cls):
        said = subprocess.run([cls.PROGRAMS[0], "--version"], capture_output=True, text=True, check=True).stderr
        return re.search(r"v([0-9.]+)", said).group(1)

    @classmethod
    def timing(cls, nominal_ms):
        interval = nominal_ms / 3
        if interval % 10:
            raise daemon.NotPossible("VRRP counts intervals in 10 ms")
        # A backup waits for three intervals and a skew that grows as its priority falls.
        return daemon.Timing(interval, interval * (3 + (256 - _PRIORITY[place.OBSERVER]) / 256), interval / 1000)

    def launch(self, node):
        conf = self.file(node, "keepalived.conf", f"""
global_defs {{
    vrrp_version 3
    vrrp_notify_fifo {self.output(node)}
    vrrp_garp_master_repeat 1
    script_user root
}}
vrrp_instance bench {{
    state BACKUP
    interface hb0
    virtual_router_id 51
    priority {_PRIORITY[node]}
    advert_int {self.timing.values:g}
    virtual_ipaddress {{ 10.79.0.100/24 }}
}}
""")
        run = self.folder[node] + "/run"
        self.spawn(node, [self.PROGRAMS[0], "--dont-fork", "--log-console", "--vrrp", "--use-file", conf,
                          "--pid", run + ".pid", "--vrrp_pid", run + ".vrrp.pid"], self.folder[node] + "/log")

    def meaning(self, node, line):
        """INSTANCE "bench" MASTER 253"""
        state = line.split()[2]
        if state not in ("MASTER", "BACKUP"):  # others are no change of state
            return None
        return daemon.UP if state == _STATE[node] else daemon.LOST

    def is_heartbeat(self, protocol, port):
        return protocol == _VRRP
