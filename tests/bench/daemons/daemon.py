"""What every daemon under test is asked to be: started on two hosts, killed, and listened to.

Knows: labs, processes, the notices that come out of a daemon.  Must not know: any particular daemon, any measure.

A daemon's module has one class derived from Pair.  It says which settings the daemon can take, writes its
configuration, starts it, and says what a line of its output means.  The signal is the most direct one the daemon has,
written the moment it has judged; everything else is the same for all.
"""

import os
import shutil
import signal

from tests.bench import lab as place
from tests.pair import processes

# What a line of a daemon's output says about its peer.
UP = "up"      # the peer is there
LOST = "lost"  # silent for the detection time: the daemon's own judgement
TOLD = "told"  # the peer itself said that it has lost us, and the session is down for that


class NotPossible(Exception):
    """The daemon cannot be set so; the text says why."""


class Timing:
    """One setting: a heartbeat each interval, and the peer is dead after nominal, all in ms."""

    def __init__(self, interval_ms, nominal_ms, values):
        self.interval_ms, self.nominal_ms, self.values = interval_ms, nominal_ms, values


class Pair:
    NAME = None
    PROGRAMS = ()      # absolute paths; all must be there
    PACKAGE = None     # Debian's, for the hint
    LINKS = 1          # cables it uses
    BOTH_WATCH = True  # False: only the observer judges; the peer only sends
    REAL_TIME = False  # it takes the processor from whoever has it, and much of it: not to be measured among others
    HEARTBEATS = True  # False: the judgement does not hang on one kind of packet that a sniffer could name
    REMARK = ""        # one line for the table

    @classmethod
    def missing(cls):
        """None if it is installed, else what to do."""
        absent = [p for p in cls.PROGRAMS if not shutil.which(p)]
        return f"{absent[0]} is not installed: make bench-peers" if absent else None

    @classmethod
    def version(cls):
        """One word."""
        raise NotImplementedError

    @classmethod
    def timing(cls, nominal_ms):
        """-> Timing nearest to a nominal detection time; raises NotPossible."""
        raise NotImplementedError

    @classmethod
    def at_once(cls, _timing):
        """So many pairs at a time do not get into each other's way."""
        return 8

    def __init__(self, lab, ear, timing):
        self.lab, self.timing = lab, timing
        self.folder = {}
        self.peer_is = dict.fromkeys(place.NODES)  # {node: its newest UP, LOST or TOLD}
        self.notices = {n: [] for n in place.NODES}  # {node: [(CLOCK_REALTIME in ns, UP/LOST/TOLD, line)]}
        for n in place.NODES:
            self.folder[n] = os.path.join(lab.folder, n)
            shutil.rmtree(self.folder[n], ignore_errors=True)
            os.mkdir(self.folder[n])
            os.mkfifo(self.output(n))
            ear.listen(self.output(n), lambda at, line, node=n: self._heard(node, at, line))

    def launch(self, node):
        """Starts the daemon on this host, its notices going to output(node)."""
        raise NotImplementedError

    def meaning(self, node, line):
        """-> UP, LOST, TOLD or None."""
        raise NotImplementedError

    def is_heartbeat(self, protocol, port):
        """Whether a packet from the peer, of this IP protocol and UDP destination port (or 0), is a heartbeat."""
        raise NotImplementedError

    # for the modules

    def output(self, node):
        return os.path.join(self.folder[node], "notices")

    def file(self, node, name, text, mode=0o644):
        path = os.path.join(self.folder[node], name)
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def spawn(self, node, argv, output=None):
        return processes.spawn([*self.lab.enter(node), *argv], output or self.output(node))

    # for the measures

    def is_up(self):
        return all(v == UP for v in self.peer_is.values())

    def lost(self, node, since=0, kinds=(LOST, TOLD)):
        """Times at which this node held its peer for dead."""
        return [at for at, what, _ in self.notices[node] if at >= since and what in kinds]

    def signal(self, pids, number):
        for p in pids:
            try:
                os.kill(p, number)
            except ProcessLookupError:
                pass  # it went with one of the others

    def freeze(self, pids):
        self.signal(pids, signal.SIGSTOP)

    def thaw(self, pids):
        self.signal(pids, signal.SIGCONT)

    def _heard(self, node, at, line):
        what = self.meaning(node, line)
        if what:
            self.peer_is[node] = what
            self.notices[node].append((at, what, line))
