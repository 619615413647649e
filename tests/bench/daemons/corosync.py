"""corosync: a token that travels round, over knet.

The notice is its log line that a processor failed, which comes when the token did not; the new membership is formed
only after a further wait (consensus, at least 1.2 times the token), which is not counted here, in its favour.
"""

import subprocess

from tests.bench import lab as place
from tests.bench.daemons import daemon

_SHORTEST = 40  # ms: it retransmits no token sooner than after 30 ms, and refuses a token that leaves no room for that


class Corosync(daemon.Pair):
    NAME = "corosync"
    PROGRAMS = ("/usr/sbin/corosync",)
    REAL_TIME = True
    HEARTBEATS = False
    REMARK = ("nominal is its token timeout; its members learn of the loss only after the consensus timeout, "
              "at least 1.2 times as long again; no ideal: no packet of the wire alone restarts its timer; a token of "
              "40 ms leaves room for one retransmission, not for its default of four")

    @classmethod
    def version(cls):
        said = subprocess.run([cls.PROGRAMS[0], "-v"], capture_output=True, text=True, check=True).stdout
        return said.split("'")[1]

    @classmethod
    def timing(cls, nominal_ms):
        token = max(nominal_ms, _SHORTEST)
        return daemon.Timing(token / 3, token, token)

    @classmethod
    def at_once(cls, timing):
        return 2 if timing.nominal_ms < 150 else 4  # at a token of 40 ms each host takes a seventh of a core

    def launch(self, node):
        token = self.timing.values
        # Its default of four retransmissions before a token is lost does not fit into less.
        retransmits = 4 if token >= 150 else 1
        nodes = "".join(f"    node {{\n        ring0_addr: {place.address(n)}\n        name: {n}\n"
                        f"        nodeid: {i + 1}\n    }}\n" for i, n in enumerate(place.NODES))
        conf = self.file(node, "corosync.conf", f"""
totem {{
    version: 2
    cluster_name: bench
    transport: knet
    crypto_cipher: none
    crypto_hash: none
    token: {token}
    token_coefficient: 0
    token_retransmits_before_loss_const: {retransmits}
    consensus: {max(60, round(1.2 * token))}
    interface {{
        linknumber: 0
        knet_ping_interval: 200
        knet_ping_timeout: 2000
    }}
}}
nodelist {{
{nodes}}}
quorum {{
    provider: corosync_votequorum
    two_node: 1
}}
logging {{
    to_stderr: yes
    to_logfile: no
    to_syslog: no
    timestamp: off
}}
""")
        self.spawn(node, [self.PROGRAMS[0], "-f", "-c", conf])

    def meaning(self, node, line):
        if "A processor failed" in line:  # its earlier "Token has not been received" is a warning, at 3/4 of the time
            return daemon.LOST
        if "Members[2]" in line:
            return daemon.UP
        return None

    def is_heartbeat(self, protocol, port):
        return False
