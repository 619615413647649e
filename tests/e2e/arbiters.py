"""Arbiters for tests: where the registers are kept, and what stands in them, asked behind ftd's back.

Knows: the form of a register, etcd's command line and JSON gateway.  Must not know: ftd, scenarios.
"""

import base64
import contextlib
import http.client
import json
import os
import re
import subprocess

from tests.pair import processes

PORT = 2379
AGENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fence_agent")
_ENTRY = re.compile(r"claimed by (\S+) at \S+\n")


class _Unmarked:
    """No storage that might not be mounted."""

    def is_met(self):
        return True


class NoArbiter(_Unmarked):
    kind = "none"

    def settings(self, _node):
        return {"arbiter.type": "none"}

    def registers(self):
        return {}


class FileArbiter:
    """A folder that both hosts share."""
    kind = "file"

    def __init__(self, directory):
        self.path = os.path.join(directory, "arbiter")
        self._away = self.path + ".away"
        os.mkdir(self.path)

    def settings(self, _node):
        return {"arbiter.type": "file", "arbiter.path": self.path}

    def registers(self):
        """{session id: who stands there}"""
        found = {}
        for folder in (self.path, self._away):
            for name in os.listdir(folder) if os.path.isdir(folder) else ():
                if re.fullmatch("[0-9a-f]{32}", name):
                    with open(os.path.join(folder, name), encoding="ascii") as f:
                        found[name] = _winner(f.read())
        return found

    def claim(self, session, node):
        """As if a request of this node's, which its ftd had given up, had landed just now."""
        with open(os.path.join(self.path, session), "x", encoding="ascii") as f:
            f.write(f"claimed by {node} at 2026-11-21T03:00:00Z\n")

    def is_met(self):
        """Both have left their marks."""
        return len([name for name in os.listdir(self.path) if "@" in name]) == 2

    def unmount(self):
        os.rename(self.path, self._away)

    def mount(self):
        os.rename(self._away, self.path)


class HangingFileArbiter(FileArbiter):
    """A folder on a filesystem of its own, which can be frozen: whoever writes there then hangs, and cannot be killed."""

    def __init__(self, directory):
        image, self._mount = os.path.join(directory, "image"), os.path.join(directory, "mount")
        os.mkdir(self._mount)
        with open(image, "wb") as f:
            f.truncate(8 << 20)
        _run("mkfs.ext4", "-q", image)
        _run("mount", "-o", "loop", image, self._mount)
        super().__init__(self._mount)

    def hang(self):
        _run("fsfreeze", "--freeze", self._mount)

    def go_on(self):
        _run("fsfreeze", "--unfreeze", self._mount)

    def close(self):
        with contextlib.suppress(OSError):
            self.go_on()
        processes.wait_until(self._unmounted, "the arbiter's filesystem to be unmounted")

    def _unmounted(self):
        with contextlib.suppress(OSError):
            _run("umount", self._mount)
        return not os.path.ismount(self._mount)


class PowerSwitch:
    """What feeds a host, and what tests/e2e/fence_agent does to it."""

    def __init__(self, directory, node):
        self.path = os.path.join(directory, "power-of-" + node)
        os.mkdir(self.path)

    def feeds(self, pids):
        """Off, these processes die."""
        self._write("pids", "\n".join(map(str, pids)))

    def breaks(self, text="the plug is stuck"):
        """Nothing is done from now on, and the agent says so."""
        self._write("broken", text)

    def mended(self):
        os.unlink(os.path.join(self.path, "broken"))

    def lies(self):
        """The agent says that it is done, and does nothing."""
        self._write("lies", "yes")

    def takes(self, seconds):
        self._write("seconds", str(seconds))

    def used(self):
        """How often the power was really cut."""
        return self._lines("cut")

    def tried(self):
        return self._lines("tried")

    def _lines(self, name):
        try:
            with open(os.path.join(self.path, name), encoding="ascii") as f:
                return len(f.readlines())
        except FileNotFoundError:
            return 0

    def _write(self, name, text):
        with open(os.path.join(self.path, name), "w", encoding="ascii") as f:
            f.write(text)


class _WithSwitches:
    """Each host can power the other one off."""

    def __init__(self, directory):
        super().__init__(directory)
        self.switches = {node: PowerSwitch(directory, node) for node in ("alpha", "beta")}

    def settings(self, node):
        other = self.switches["beta" if node == "alpha" else "alpha"]
        return super().settings(node) | {"fence.agent": processes.own_copy(AGENT, other.path), "fence.options": {"switch": other.path}, "fence.timeout_ms": 11000}


class FencingFileArbiter(_WithSwitches, FileArbiter):
    """A folder, and the power switch behind a won claim."""


class _Nothing(_Unmarked):
    def __init__(self, directory):
        pass

    def settings(self, _node):
        return {"arbiter.type": "fence"}

    def registers(self):
        return {}


class FenceArbiter(_WithSwitches, _Nothing):
    """Nothing but the power switches."""
    kind = "fence"


class EtcdArbiter(_Unmarked):
    """A real etcd on the network's host "arbiter"."""
    kind = "etcd"

    def __init__(self, directory, network):
        self._network = network
        log = os.path.join(directory, "etcd.log")
        urls = ",".join(f"http://{a}:{PORT}" for a in ("127.0.0.1", *network.arbiter_addresses.values()))
        processes.spawn([*network.enter("arbiter"), "etcd", "--data-dir", os.path.join(directory, "etcd"),
                         "--listen-client-urls", urls, "--advertise-client-urls", urls], log)
        processes.wait_until(self._answers, "etcd to answer")

    def settings(self, node):
        return {"arbiter.type": "etcd", "arbiter.prefix": "/ftd/",
                "arbiter.endpoints": [f"http://{self._network.arbiter_addresses[node]}:{PORT}"]}

    def registers(self):
        reply = self._ask("/v3/kv/range", {"key": _text64("/ftd/"), "range_end": _text64("/ftd0")})
        pairs = [(base64.b64decode(kv["key"]).decode(), base64.b64decode(kv["value"]).decode()) for kv in reply.get("kvs", [])]
        return {k.rpartition("/")[2]: _winner(v) for k, v in pairs if re.fullmatch("[0-9a-f]{32}", k.rpartition("/")[2])}

    def _answers(self):
        try:
            return self._ask("/v3/maintenance/status", {})
        except OSError:
            return None

    def _ask(self, path, body):
        client = http.client.HTTPConnection("127.0.0.1", PORT, timeout=10)
        client.sock = self._network.connect("arbiter", ("127.0.0.1", PORT))
        client.request("POST", path, json.dumps(body))
        return json.loads(client.getresponse().read())


def _run(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise OSError(f"{' '.join(argv)}: {done.stderr.strip()}")


def _winner(text):
    entry = _ENTRY.fullmatch(text)
    assert entry, f"a register holds {text!r}"
    return entry[1]


def _text64(text):
    return base64.b64encode(text.encode()).decode()
