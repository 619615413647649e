"""Two hosts, an arbiter's and an observer's, each in a network namespace of its own, joined by cables that can be cut.

Knows: namespaces, veth pairs, bridges, taps, nft.  Must not know: ftd, QEMU.

The guests' network is a bridge on alpha and on beta with a tap for QEMU and a cable to the observer.  Nothing else joins
the two bridges, so the observer hears each host's guest on a cable of its own.

A namespace lives as long as a process in it, and all of ours end with the test: nothing is left behind, whatever happens.
"""

import os
import socket
import subprocess

from tests.pair import namespaces, processes
from tests.pair.pair import Host

_ETH_P_ALL = 3  # linux/if_ether.h
HOSTS = ("alpha", "beta", "arbiter", "observer")
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
TAP = "guest"  # on alpha and on beta
GUESTS_CABLES = {"guests-alpha": "alpha", "guests-beta": "beta"}  # {cable to the observer: host}
_RULES = """
table inet cuts {
    set cables { type ifname; }
    chain input { type filter hook input priority -300; iifname @cables drop; }
}
"""


def unusable_because():
    """None where namespaces can be made, else why not."""
    if not os.path.exists("/dev/net/tun"):
        return "there is no /dev/net/tun, so no tap for QEMU"
    return namespaces.unusable_because()


class Network:
    def __init__(self):
        here = os.readlink("/proc/self/ns/net")
        self._holders = {h: processes.spawn(["unshare", "--net", "sleep", "infinity"], os.devnull) for h in HOSTS}
        for h, holder in self._holders.items():
            processes.wait_until(lambda pid=holder.pid: os.readlink(f"/proc/{pid}/ns/net") != here, f"{h}'s namespace")
        for cable, ends in CABLES.items():
            self._lay(cable, *ends)
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
        for cable, host in GUESTS_CABLES.items():
            self._lay(cable, host, "observer")
            self._join_guests(cable, host)
        self.arbiter_addresses = {h: CABLES[f"arb-{h}"]["arbiter"] for h in ("alpha", "beta")}

    def enter(self, host):
        """argv that puts a program on this host."""
        return ("nsenter", f"--net=/proc/{self._holders[host].pid}/ns/net")

    def hosts(self):
        """For a pair: COLO's own cable joins them."""
        return tuple(Host(CABLES["colo"][h], "127.0.0.1", self.enter(h), TAP) for h in ("alpha", "beta"))

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

    def mend(self):
        """As it was in the beginning."""
        for h in HOSTS:
            self._run(h, "nft", "flush set inet cuts cables")
        self.plug(*CABLES)

    def keep_little_on_the_way(self, host):
        """Who sends more than a few KB there waits until they have left; of connections that are made from now on."""
        self._run(host, "sysctl", "-qw", "net.ipv4.tcp_wmem=4096 4096 8192", "net.ipv4.tcp_rmem=4096 8192 16384")

    def slow_down(self, host, cable, kbit):
        """What leaves there is carried so fast, in kbit/s; None: as fast as it goes."""
        rate = ("root", "tbf", "rate", f"{kbit:.0f}kbit", "burst", "10k", "latency", "60s") if kbit else ("root", "pfifo")
        self._run(host, "tc", "qdisc", "replace", "dev", cable, *rate)

    def forget_connections(self, host):
        """As a host that has gone down: what a cut cable keeps its kernel from saying is never said."""
        self._run(host, "ss", "--kill", "--tcp")

    # sockets

    def connect(self, host, address):
        """A TCP connection made on that host."""
        return self._there(host, lambda: socket.create_connection(address, timeout=10))

    def packet_socket(self, host):
        """A raw socket that hears every frame on every device of that host."""
        return self._there(host, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL)))

    def _there(self, host, make):
        return namespaces.inside(self._holders[host].pid, make)

    # building

    def _lay(self, cable, one, two):
        self._ip(one, "link", "add", cable, "type", "veth", "peer", "name", cable, "netns", str(self._holders[two].pid))

    def _join_guests(self, cable, host):
        """A bridge between QEMU's tap and the cable to the observer."""
        self._ip(host, "link", "add", "guests", "type", "bridge")
        self._ip(host, "tuntap", "add", TAP, "mode", "tap")
        for device in (TAP, cable):
            self._ip(host, "link", "set", device, "master", "guests")
        for device in ("guests", TAP, cable):
            self._ip(host, "link", "set", device, "up")
        self._ip("observer", "link", "set", cable, "up")

    def _ip(self, host, *arguments):
        self._run(host, "ip", *arguments)

    def _run(self, host, *argv, given=None):
        run = subprocess.run([*self.enter(host), *argv], input=given, capture_output=True, text=True, timeout=30, check=False)
        if run.returncode != 0:
            raise RuntimeError(f"{host}: {' '.join(argv)}: {run.stderr.strip()}")
