"""Two hosts on one: a real COLO pair with a real ftd on each side, and the questions a test asks of them.

Knows: how ftd is started and asked, what must hold after every test.  Must not know: any particular scenario.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time

from tests.e2e import ftconf
from tests.e2e.arbiters import EtcdArbiter, FenceArbiter, FencingFileArbiter, FileArbiter, NoArbiter
from tests.e2e.observer import Observer
from tests.e2e.udp_relay import UdpRelay
from tests.pair import pair as colo
from tests.pair import processes
from tests.pair.monitor import QmpError, QmpTimeout

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HOOK = os.path.join(ROOT, "tests", "e2e", "hook")
WAIT = 30.0  # seconds; generous, since a test waits for what must happen and not for how fast
PORT_OF_LINKS = 7400  # where each host has addresses of its own
SANITIZER_SIGNS = ("AddressSanitizer", "LeakSanitizer", "runtime error:", "UndefinedBehavior")


class Skip(Exception):
    """This scenario cannot run here; the text says why."""


def wait(condition, what, seconds=WAIT):
    return processes.wait_until(condition, what, seconds)


def stays(condition, seconds, what):
    """condition() must be true all the time for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert condition(), f"did not stay so for {seconds:g} s: {what}"
        time.sleep(0.05)


class Side:
    """One host: its QEMU, its ftd, its files."""

    def __init__(self, rig, node, qemu):
        self.rig, self.node, self.qemu = rig, node, qemu
        self.conf, self.key, self.log = (qemu.path(n) for n in ("ft.conf", "ftd.key", "ftd.log"))
        self.control, self.state_dir = qemu.path("ftd.sock"), qemu.path("state")
        self.hook_log = qemu.path("hook.jsonl")
        self.ftd = None
        self.frozen = []  # pidfds of what freeze_host has stopped, besides QEMU
        os.mkdir(self.state_dir, 0o700)

    # files

    def settings(self):
        """What differs from the shipped example."""
        links = tuple({"local": _text(mine), "peer": _text(peer)} for mine, peer in self.rig.addresses(self))
        return {"pair": "e2e", "node": self.node, "state_dir": self.state_dir,
                "heartbeat.key_file": self.key, "heartbeat.links": links,
                "qmp.socket": self.qemu.qmp_socket, "qmp.oob_socket": self.qemu.oob_socket,
                "control.socket": self.control, **self.rig.arbiter.settings(self.node),
                **({"report.hook": [processes.own_copy(HOOK, self.qemu.dir), self.hook_log]} if self.rig.hook else {}), **self.rig.settings}

    def write_conf(self, **changes):
        """ft.conf from the shipped example; changes as group__name=value."""
        with open(os.path.join(ROOT, "ft.conf.example"), encoding="utf-8") as f:
            text = f.read()
        settings = self.settings() | {k.replace("__", "."): v for k, v in changes.items()}
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(ftconf.with_settings(text, settings))

    def outcomes(self):
        """The outcome records on disk, oldest first."""
        return _json_lines(os.path.join(self.state_dir, "outcomes.jsonl"))

    def session_stage(self):
        """As it is on disk."""
        with open(os.path.join(self.state_dir, "session"), encoding="utf-8") as f:
            return json.load(f)["stage"]

    def hook_calls(self):
        return _json_lines(self.hook_log)

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    # ftd

    def start_ftd(self, inside=()):
        """inside: argv that starts ftd in surroundings of its own."""
        if os.path.exists(self.control):
            os.unlink(self.control)  # so that waiting for it means waiting for the new one
        self.ftd = processes.spawn([*self.qemu.host.enter, *inside, self.rig.ftd, "-c", self.conf], self.log)
        wait(self.status_or_none, f"{self.node}'s ftd to answer")

    def kill_ftd(self):
        processes.kill(self.ftd)

    def stop_ftd(self):
        """SIGTERM; it must leave in order."""
        self.ftd.send_signal(signal.SIGTERM)
        code = self.ftd.wait(WAIT)
        assert code == 0, f"{self.node}'s ftd ended with {code} after SIGTERM"

    def freeze_ftd(self):
        self.ftd.send_signal(signal.SIGSTOP)

    def wake_ftd(self):
        self.ftd.send_signal(signal.SIGCONT)

    def sentinel(self):
        return self._child("ftd-sentinel")

    def writer(self):
        return self._child("ftd-writer")

    def _child(self, name):
        for pid in processes.children(self.ftd.pid):
            with open(f"/proc/{pid}/comm", encoding="ascii") as f:
                if f.read().strip() == name:
                    return pid
        return None

    def freeze_host(self):
        """QEMU, ftd and its children, the sentinel among them."""
        self.frozen = [os.pidfd_open(pid) for pid in (*processes.children(self.ftd.pid), self.ftd.pid)]
        self.qemu.freeze()
        for pidfd in self.frozen:
            with contextlib.suppress(ProcessLookupError):  # a child that ended meanwhile
                signal.pidfd_send_signal(pidfd, signal.SIGSTOP)

    def wake_host_but_qemu(self):
        for pidfd in self.frozen:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, signal.SIGCONT)
            os.close(pidfd)
        self.frozen = []

    def kill_host(self):
        """QEMU and ftd in one blow."""
        for p in (self.ftd, self.qemu.process):
            p.kill()
        for p in (self.ftd, self.qemu.process):
            p.wait(WAIT)

    # asking

    def ftctl(self, *arguments):
        return subprocess.run([self.rig.ftctl, "-c", self.conf, *arguments], capture_output=True, text=True, timeout=60,
                              check=False)

    def status(self):
        """As `ftctl status --json`, asked on the control socket itself: it is asked often."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(self.control)
            s.sendall(b'{"verb":"status"}\n')
            return json.loads(s.makefile().readline())["result"]

    def status_or_none(self):
        try:
            return self.status()
        except (OSError, ValueError):
            assert self.ftd.poll() is None, f"{self.node}'s ftd ended with {self.ftd.returncode}"
            return None

    def state(self):
        return self.status()["state"]

    def rejected(self):
        """Heartbeats turned away so far, on all links."""
        return sum(link["rejected"] for link in self.status()["links"])

    def wait_state(self, *states, seconds=WAIT):
        wait(lambda: self.state() in states, f"{self.node} to be {' or '.join(states)}", seconds)
        return self.status()

    def wait_log(self, *words, since=0):
        """A log line, beyond the first `since` characters of the log, that has all these words."""
        def found():
            return any(all(w in line for w in words) for line in self.log_text()[since:].splitlines())
        wait(found, f"{self.node}'s log to say {words}")


class Rig:
    """A pair with an ftd on each side.  alpha holds the first primary, beta the first secondary.

    arbiter: "none", "file", "etcd", "fence" or "file and fence", or one that is there already.  network: a Network, for each side in a namespace of its
    own; rig.observer then hears their guests all the while.
    """

    default_arbiter = "none"

    def __init__(self, links=2, relay=False, hook=False, settings=None, build=None, arbiter=None, network=None,
                 pair_type=colo.Pair, **pair_options):
        build = os.path.join(ROOT, build or os.environ.get("FTD_BUILD", "build/san"))
        self.ftd, self.ftctl = os.path.join(build, "ftd"), os.path.join(build, "ftctl")
        self.hook, self.settings = hook, settings or {}
        if not os.path.exists(self.ftd):
            raise FileNotFoundError(f"{self.ftd} is not built; `make` builds build/, `make SAN=1` build/san/")
        self.network, self.observer = network, None
        if network:
            pair_options["hosts"] = network.hosts()
            self.observer = Observer(network, "alpha")
        self.pair = pair_type(**pair_options)
        self.arbiter = arbiter if hasattr(arbiter, "kind") else self._arbiter(arbiter or Rig.default_arbiter)
        self.alpha, self.beta = Side(self, "alpha", self.pair.a), Side(self, "beta", self.pair.b)
        self.sides = (self.alpha, self.beta)
        self._links = links
        self.relays = [self._relay(i) for i in range(links)] if relay else []

    def _arbiter(self, kind):
        if kind == "etcd":
            return EtcdArbiter(self.pair.slot.dir, self.network)
        made = {"file": FileArbiter, "fence": FenceArbiter, "file and fence": FencingFileArbiter}
        return made[kind](self.pair.slot.dir) if kind in made else NoArbiter()

    def side(self, role):
        return {"primary": self.alpha, "secondary": self.beta}[role]

    def other(self, side):
        return self.beta if side is self.alpha else self.alpha

    # addresses: link 0 is IPv4, link 1 IPv6 (one loopback address, so the sides differ by port)

    def _own(self, side, link):
        port = self.pair.port(colo.FREE + 4 * link)
        if link == 0:
            return (side.qemu.address, port)
        return ("::1", port + (side is self.beta))

    def _relay_address(self, side, link):
        address, port = self._own(side, link)
        return (address, port + 2)

    def _relay(self, link):
        return UdpRelay({s.node: self._own(s, link) for s in self.sides},
                        {s.node: self._relay_address(s, link) for s in self.sides})

    def addresses(self, side):
        """[(own address, peer's address)] for each link, as this side is to see them."""
        if self.network:
            return [((own, PORT_OF_LINKS), (peer, PORT_OF_LINKS)) for own, peer in self.network.links(side.node)]
        return [(self._own(side, i), self._relay_address(side, i) if self.relays else self._own(self.other(side), i))
                for i in range(self._links)]

    # coming up and going down

    def up(self):
        self.pair.up()
        for s in self.sides:
            s.write_conf()
        self.make_key()
        for s in self.sides:
            s.start_ftd()
        self.wait_protected()
        wait(self.arbiter.is_met, "both to have left their marks at the arbiter")
        if self.observer:
            self.observer.start()

    def make_key(self):
        made = self.alpha.ftctl("genkey", self.alpha.key)
        assert made.returncode == 0, f"genkey: {made.stderr}"
        with open(self.alpha.key, encoding="ascii") as f:
            key = f.read()
        with open(os.open(self.beta.key, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as f:
            f.write(key)

    def wait_protected(self):
        for s in self.sides:
            s.wait_state("protected")

    def finish(self):
        """What must hold at the end of every test: one guest was heard, whatever ftd still runs leaves in order, none ever
        misbehaved."""
        if self.observer:
            self.observer.check()
        for s in self.sides:
            if s.ftd and s.ftd.poll() is None:
                s.stop_ftd()
        for s in self.sides:
            if s.ftd:
                said = [w for w in SANITIZER_SIGNS if w in s.log_text()]
                assert not said, f"{s.node}'s ftd: {said} in its log"

    def describe(self, out):
        """Everything known, for whoever has to find out why a test failed."""
        if self.observer:
            print("observer:", self.observer.tell(), file=out)
        for s in self.sides:
            print(f"---- {s.node} ----", file=out)
            with contextlib.suppress(OSError, ValueError, KeyError):
                print("status:", json.dumps(s.status()), file=out)
            print(f"QEMU: {'gone' if s.qemu.process is None or s.qemu.gone() else processes.state(s.qemu.process.pid)}", file=out)
            with contextlib.suppress(OSError, AttributeError, QmpTimeout, QmpError):
                s.qemu.obs.drain()
                print("QEMU's last events:", [e["event"] for e in s.qemu.obs.events[-8:]], file=out)
            with contextlib.suppress(OSError):
                print("QEMU's errors:", s.qemu.errors().strip()[-2000:], file=out)
            with contextlib.suppress(OSError):
                print("ftd's log:\n" + "\n".join(s.log_text().splitlines()[-120:]), file=out)
            with contextlib.suppress(OSError):
                with open(os.path.join(s.state_dir, "session"), encoding="utf-8", errors="replace") as f:
                    print("session:", f.read().strip(), file=out)
            with contextlib.suppress(OSError):
                print("outcomes:", json.dumps(s.outcomes()), file=out)


@contextlib.contextmanager
def default_arbiter(kind):
    """Rigs made within have this arbiter if they name none."""
    Rig.default_arbiter, before = kind, Rig.default_arbiter
    try:
        yield
    finally:
        Rig.default_arbiter = before


@contextlib.contextmanager
def protected(rig_type=None, **options):
    """A rig in state protected; its end-of-test checks are made on the way out.  rig_type: another one than Rig."""
    rig = (rig_type or Rig)(**options)
    try:
        rig.up()
        yield rig
        rig.finish()
    except BaseException as e:
        if not isinstance(e, (SystemExit, KeyboardInterrupt)):
            rig.describe(sys.stdout)
        raise
    finally:
        for s in rig.sides:
            if s.ftd:
                s.kill_ftd()
            s.wake_host_but_qemu()  # a stopped sentinel would not end with its QEMU
        rig.pair.down()
        if rig.observer:
            rig.observer.close()


def _text(address):
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _json_lines(path):
    try:
        with open(path, encoding="utf-8") as f:
            return [json.loads(line) for line in f.read().split("\n")[:-1] if line]
    except FileNotFoundError:
        return []
