"""Arbiters for tests: where the registers are kept, and what stands in them, asked behind ftd's back.

Knows: the form of a register, etcd's command line and JSON gateway.  Must not know: ftd, scenarios.
"""

import base64
import http.client
import json
import os
import re

from tests.pair import processes

PORT = 2379
_ENTRY = re.compile(r"claimed by (\S+) at \S+\n")


class NoArbiter:
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

    def unmount(self):
        os.rename(self.path, self._away)

    def mount(self):
        os.rename(self._away, self.path)


class EtcdArbiter:
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


def _winner(text):
    entry = _ENTRY.fullmatch(text)
    assert entry, f"a register holds {text!r}"
    return entry[1]


def _text64(text):
    return base64.b64encode(text.encode()).decode()
