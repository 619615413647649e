"""One pair of hosts and the switch between them, each in namespaces of its own.

        alpha (observer) ---- hb0, hb1 ---- switch ---- hb0, hb1 ---- beta (peer)

Knows: namespaces, veth, bridges, nft, the relay that adds jitter.  Must not know: any daemon.

What happens to a packet happens in the switch, so that neither host can know: no send fails because a packet is going
to be lost, no carrier goes away because a cable is cut, and a daemon that sends and receives below the firewall (ucarp)
is served like the others.  Each host also has a mount namespace with its own /run, /dev/shm and so on: daemons with
fixed paths neither meet each other nor those of this machine.
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys
import time

from tests.pair import namespaces, processes

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1  # linux/sockios.h, linux/if.h
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

NODES = ("alpha", "beta")
OBSERVER, PEER = NODES
CABLES = ("hb0", "hb1")
_PRIVATE = ("/run", "/dev/shm", "/var/log", "/var/lib/corosync", "/var/lib/frr")
_READY = "/run/lab-is-ready"


def other(node):
    return PEER if node == OBSERVER else OBSERVER


def address(node, cable="hb0"):
    return f"10.79.{CABLES.index(cable)}.{1 + NODES.index(node)}"


def mac(node, cable="hb0"):
    return f"02:00:00:00:{CABLES.index(cable):02x}:{1 + NODES.index(node):02x}"


def netem_works():
    """Whether this kernel has the netem queue."""
    probe = "ip link add v0 type dummy && tc qdisc add dev v0 root netem delay 1ms"
    return subprocess.run(["unshare", "--net", "sh", "-c", probe], capture_output=True, check=False).returncode == 0


class Lab:
    def __init__(self, folder, netem):
        self.folder, self._netem = folder, netem
        self._holders = {h: self._hold(h) for h in (*NODES, "switch")}
        self._relays = []
        self._wire()
        self._control = self.inside("switch", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))

    def _hold(self, host):
        """A process that keeps the host's namespaces; they end with it."""
        mounts = "".join(f"[ ! -d {d} ] || mount -t tmpfs -o mode=1777 tmpfs {d}; " for d in _PRIVATE)
        script = f"{mounts} mkdir -m 777 /run/frr; touch {_READY}; exec sleep infinity"
        holder = processes.spawn(["unshare", "--net", "--mount", "--propagation", "private", "sh", "-ec", script],
                                 os.path.join(self.folder, f"{host}.setup"))
        processes.wait_until(lambda: os.path.exists(f"/proc/{holder.pid}/root{_READY}"), f"{host}'s namespaces")
        return holder

    def _wire(self):
        switch = []
        for c in CABLES:
            for h in NODES:
                port = f"{h}-{c}"
                switch += [f"link add {port} type veth peer name {c} address {mac(h, c)} netns {self._holders[h].pid}",
                           f"link set {port} up"]
            switch += [f"link add sw-{c} type bridge stp_state 0 mcast_snooping 0", f"link set sw-{c} up"]
            switch += [f"link set {h}-{c} master sw-{c}" for h in NODES]
        self._ip("switch", switch)
        for h in NODES:
            # Static neighbours: a lost ARP question would be a second kind of loss, hitting whoever happens to ask.
            lines = ["link set lo up"]
            for c in CABLES:
                lines += [f"address add {address(h, c)}/24 dev {c}", f"link set {c} up",
                          f"neigh replace {address(other(h), c)} lladdr {mac(other(h), c)} dev {c} nud permanent"]
            self._ip(h, lines)
        ports = ", ".join(f'"{h}-{c}"' for h in NODES for c in CABLES)
        self.run("switch", ["nft", "-f", "-"], f"table netdev weather {{ chain in {{ type filter hook ingress "
                                               f"devices = {{ {ports} }} priority 0; }}; }}")

    # being there

    def enter(self, host):
        """argv that puts a program on this host."""
        holder = f"/proc/{self._holders[host].pid}/ns"
        return ["nsenter", f"--net={holder}/net", f"--mount={holder}/mnt"]

    def has(self, host, path):
        """Whether this path exists there."""
        return os.path.exists(f"/proc/{self._holders[host].pid}/root{path}")

    def remove(self, host, path):
        if self.has(host, path):
            os.unlink(f"/proc/{self._holders[host].pid}/root{path}")

    def run(self, host, argv, given=None):
        run = subprocess.run([*self.enter(host), *argv], input=given, capture_output=True, text=True, timeout=30,
                             check=False)
        if run.returncode != 0:
            raise RuntimeError(f"{host}: {' '.join(argv)}: {run.stderr.strip()}")
        return run.stdout

    def inside(self, host, function):
        """function() called with that host's network; whatever socket it makes stays there."""
        return namespaces.inside(self._holders[host].pid, function)

    def pids(self, host):
        """Every process on that host, however it was started, but for the keeper of the namespaces; oldest first."""
        wanted, found = os.readlink(f"/proc/{self._holders[host].pid}/ns/net"), []
        for entry in os.listdir("/proc"):
            try:
                if entry.isdigit() and os.readlink(f"/proc/{entry}/ns/net") == wanted:
                    found.append(int(entry))
            except OSError:
                continue  # it has ended
        found.remove(self._holders[host].pid)
        return sorted(found)

    def traffic(self, host, cable):
        """(bytes, packets) that this host has sent on the cable, Ethernet headers included."""
        with open(f"/proc/{self._holders[host].pid}/net/dev", encoding="ascii") as f:
            fields = next(line for line in f if line.split(":")[0].strip() == cable).split(":")[1].split()
        return int(fields[8]), int(fields[9])

    # weather

    def cut(self):
        """Both cables go silent in the switch: one system call each, some 0.1 ms.

        -> when it began, CLOCK_REALTIME in ns
        """
        began = time.clock_gettime_ns(time.CLOCK_REALTIME)
        for c in CABLES:
            self._bridge(c, up=False)
        return began

    def lose(self, percent):
        """Each packet is lost with this probability, independently, in both directions."""
        self.run("switch", ["nft", "-f", "-"], f"add rule netdev weather in meta protocol ip "
                                               f"numgen random mod 100 < {percent} drop")

    def shake(self, spread_ms, cables):
        """Each packet on the first so many cables is delayed by a random time of 0 to 2 * spread_ms from now on."""
        if self._netem:
            for port in (f"{h}-{c}" for h in NODES for c in CABLES[:cables]):
                self.run("switch", ["tc", "qdisc", "add", "dev", port, "root", "netem", "delay", f"{spread_ms}ms",
                                    f"{spread_ms}ms"])
            return
        for c in CABLES[:cables]:
            self._ip("switch", [f"link set {h}-{c} nomaster" for h in NODES] +
                     [f"link set {h}-{c} promisc on" for h in NODES])
            relay = os.path.join(ROOT, "tests", "bench", "jitter.py")
            self._relays.append(processes.spawn([*self.enter("switch"), sys.executable, relay, str(spread_ms * 2),
                                                 *(f"{h}-{c}" for h in NODES)], os.path.join(self.folder, "relay.log")))

    def calm(self):
        """Undoes all weather."""
        for relay in self._relays:
            processes.kill(relay)
        self._relays = []
        self.run("switch", ["nft", "flush", "chain", "netdev", "weather", "in"])
        for c in CABLES:
            self._bridge(c, up=True)
            for h in NODES:
                if self._netem:
                    subprocess.run([*self.enter("switch"), "tc", "qdisc", "del", "dev", f"{h}-{c}", "root"],
                                   capture_output=True, check=False)  # there may be none
            self._ip("switch", [f"link set {h}-{c} master sw-{c}" for h in NODES])

    def _bridge(self, cable, up):
        name = f"sw-{cable}".encode()
        flags = struct.unpack("16sH22x", fcntl.ioctl(self._control, _SIOCGIFFLAGS, struct.pack("16s24x", name)))[1]
        flags = flags | _IFF_UP if up else flags & ~_IFF_UP
        fcntl.ioctl(self._control, _SIOCSIFFLAGS, struct.pack("16sH22x", name, flags))

    def _ip(self, host, lines):
        self.run(host, ["ip", "-batch", "-"], "\n".join(lines) + "\n")

    # the end

    def clear(self):
        """Ends every daemon on both hosts, whatever state it is in, and undoes all weather."""
        for h in NODES:
            for pid in self.pids(h):
                try:
                    os.kill(pid, 9)
                except ProcessLookupError:
                    pass
        processes.wait_until(lambda: all(not alive(p) for h in NODES for p in self.pids(h)), "the daemons to end")
        self.calm()

    def close(self):
        self.clear()
        self._control.close()
        for holder in self._holders.values():
            processes.kill(holder)


def alive(pid):
    return processes.state(pid) not in (None, "Z", "X")
