"""One real etcd on loopback for a whole benchmark.

Knows: etcd's command line and JSON gateway.  Must not know: ftd, beyond the settings of its arbiter.
"""

import base64
import http.client
import json
import os
import socket
import time

from tests.pair import processes

PREFIX = "/ftd/"


class Etcd:
    """An arbiter for tests.e2e.harness.Rig."""
    kind = "etcd"

    def __init__(self, directory):
        """directory: an empty one of its own; where it lies decides what a claim's fsync costs."""
        self.port, peer = _free_ports(2)
        self.url = f"http://127.0.0.1:{self.port}"
        peer_url = f"http://127.0.0.1:{peer}"
        argv = ["etcd", "--data-dir", os.path.join(directory, "etcd"), "--log-level", "error",
                "--listen-client-urls", self.url, "--advertise-client-urls", self.url, "--listen-peer-urls", peer_url,
                "--initial-advertise-peer-urls", peer_url, "--initial-cluster", f"default={peer_url}"]
        self._process = processes.spawn(argv, os.path.join(directory, "etcd.log"))
        processes.wait_until(self._answers, "etcd to answer")

    def settings(self, _node):
        return {"arbiter.type": "etcd", "arbiter.prefix": PREFIX, "arbiter.endpoints": [self.url]}

    def is_met(self):
        """No storage that might not be mounted, hence no marks to wait for."""
        return True

    def end(self):
        processes.kill(self._process)

    def claim_times_ms(self, count):
        """What a put-if-absent takes a bare client that has its connection open already."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        taken = []
        for i in range(count + 1):
            began = time.monotonic()
            _post(client, "/v3/kv/txn", _put_if_absent(f"/bare/{i}"))
            taken.append((time.monotonic() - began) * 1e3)
        return taken[1:]  # the first one opened the connection

    def _answers(self):
        try:
            return _post(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10), "/v3/maintenance/status", {})
        except OSError:
            return None


def _post(client, path, body):
    client.request("POST", path, json.dumps(body))
    return json.loads(client.getresponse().read())


def _put_if_absent(key):
    key = base64.b64encode(key.encode()).decode()
    value = base64.b64encode(b"claimed by alpha at 2026-01-01T00:00:00Z\n").decode()
    return {"compare": [{"key": key, "target": "CREATE", "create_revision": "0"}],
            "success": [{"request_put": {"key": key, "value": value}}], "failure": [{"request_range": {"key": key}}]}


def _free_ports(count):
    held = [socket.socket() for _ in range(count)]
    for s in held:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports
