"""Two hosts and an arbiter's, each in a network namespace of its own, joined by cables that can be cut.

Knows: namespaces, veth pairs, nft.  Must not know: ftd, QEMU.

A namespace lives as long as a process in it, and all of ours end with the test: nothing is left behind, whatever happens.
"""

import os
import socket
import subprocess

from tests.pair import namespaces, processes
from tests.pair.pair import Host

HOSTS = ("alpha", "beta", "arbiter")
# {cable: {host: address}}; the device at either end has the cable's name
CABLES = {
    "hb0": {"alpha": "10.77.0.1", "beta": "10.77.0.2"},
    "hb1": {"alpha": "fd77::1", "beta": "fd77::2"},
    "colo": {"alpha": "10.77.2.1", "beta": "10.77.2.2"},
    "arb-alpha": {"alpha": "10.77.3.1", "arbiter": "10.77.3.9"},
    "arb-beta": {"beta": "10.77.4.2", "arbiter": "10.77.4.9"},
}
BETWEEN = ("hb0", "hb1", "colo")  # all that joins alpha and beta
HEARTBEATS = ("hb0", "hb1")
_RULES = """
table inet cuts {
    set cables { type ifname; }
    chain input { type filter hook input priority -300; iifname @cables drop; }
}
"""


class Network:
    def __init__(self):
        here = os.readlink("/proc/self/ns/net")
        self._holders = {h: processes.spawn(["unshare", "--net", "sleep", "infinity"], os.devnull) for h in HOSTS}
        for h, holder in self._holders.items():
            processes.wait_until(lambda pid=holder.pid: os.readlink(f"/proc/{pid}/ns/net") != here, f"{h}'s namespace")
        for cable, ends in CABLES.items():
            one, two = ends
            self._ip(one, "link", "add", cable, "type", "veth", "peer", "name", cable, "netns", str(self._holders[two].pid))
        for h in HOSTS:
            # IPv6 addresses are to survive a cut, as IPv4 ones do.
            self._run(h, "sysctl", "-qw", "net.ipv6.conf.all.keep_addr_on_down=1")
            self._ip(h, "link", "set", "lo", "up")
            self._run(h, "nft", "-f", "-", given=_RULES)
        for cable, ends in CABLES.items():
            for h, address in ends.items():
                six = ":" in address
                self._ip(h, "address", "add", address + ("/64" if six else "/24"), "dev", cable, *(("nodad",) if six else ()))
                self._ip(h, "link", "set", cable, "up")
        self.arbiter_addresses = {h: CABLES[f"arb-{h}"]["arbiter"] for h in ("alpha", "beta")}

    def enter(self, host):
        """argv that puts a program on this host."""
        return ("nsenter", f"--net=/proc/{self._holders[host].pid}/ns/net")

    def hosts(self):
        """For a pair: COLO's own cable joins them."""
        return tuple(Host(CABLES["colo"][h], "127.0.0.1", self.enter(h)) for h in ("alpha", "beta"))

    def links(self, host):
        """[(own address, peer's address)] of the heartbeat cables."""
        other = {"alpha": "beta", "beta": "alpha"}[host]
        return [(CABLES[c][host], CABLES[c][other]) for c in HEARTBEATS]

    # cuts

    def pull(self, *cables):
        for c in cables:
            self._ip(next(iter(CABLES[c])), "link", "set", c, "down")  # the other end loses its carrier

    def plug(self, *cables):
        for c in cables:
            self._ip(next(iter(CABLES[c])), "link", "set", c, "up")

    def deafen(self, host, *cables):
        """What comes in there is dropped; what goes out is not."""
        self._run(host, "nft", f"add element inet cuts cables {{ {', '.join(cables)} }}")

    def undeafen(self, host, *cables):
        self._run(host, "nft", f"delete element inet cuts cables {{ {', '.join(cables)} }}")

    def connect(self, host, address):
        """A TCP connection made on that host."""
        return namespaces.inside(self._holders[host].pid, lambda: socket.create_connection(address, timeout=10))

    def _ip(self, host, *arguments):
        self._run(host, "ip", *arguments)

    def _run(self, host, *argv, given=None):
        run = subprocess.run([*self.enter(host), *argv], input=given, capture_output=True, text=True, timeout=30, check=False)
        if run.returncode != 0:
            raise RuntimeError(f"{host}: {' '.join(argv)}: {run.stderr.strip()}")
