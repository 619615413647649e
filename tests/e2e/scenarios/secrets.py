"""Secrets are where they are needed: in ftd, and there in memory that no core file has."""

import http.server
import json
import os
import signal
import threading

from tests.e2e import memory
from tests.e2e.harness import protected, wait
from tests.e2e.registry import scenario

PASSWORD = "Rumpelstilz-46d1"


def _key(side):
    with open(side.key, encoding="ascii") as f:
        digits = f.read().strip()
    return {"key": bytes.fromhex(digits), "half of the key": bytes.fromhex(digits)[8:24], "key file": digits.encode()}


def _hidden(ftd, secrets):
    """Not in a core file of ftd's, and in no child at all."""
    found = memory.places_of(ftd, secrets, in_core=True)
    assert not found, f"a core file of ftd's would hold {found}"
    for name, pid in memory.children(ftd).items():
        assert not memory.places_of(pid, secrets), f"{name} holds {memory.places_of(pid, secrets)}"


@scenario
def no_core_file_holds_the_key():
    with protected(arbiter="file") as rig:
        for side in rig.sides:
            secrets, ftd = _key(side), side.ftd.pid
            assert memory.places_of(ftd, secrets), "it is not even where it is needed: this test finds nothing"
            assert {"ftd-sentinel", "ftd-writer"} <= memory.children(ftd).keys(), memory.children(ftd)
            _hidden(ftd, secrets)
            # Those that are forked later, from an ftd that has long used the key.
            old = memory.children(ftd)["ftd-writer"]
            os.kill(old, signal.SIGKILL)
            wait(lambda ftd=ftd, old=old: memory.children(ftd).get("ftd-writer", old) != old, "another writer")
            assert side.ftctl("reload").returncode == 0
            _hidden(ftd, secrets)


class _Etcd(http.server.BaseHTTPRequestHandler):
    """As far as it takes to be logged in to."""
    protocol_version = "HTTP/1.1"
    logins = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = {"header": {"cluster_id": "1", "revision": "5"}}
        if self.path.endswith("/auth/authenticate"):
            _Etcd.logins.append(json.loads(body)["password"])
            self._say(answer | {"token": "a-token.1"})
        else:
            self._say(answer | {"succeeded": True, "responses": []})

    def do_GET(self):
        self._say({"etcdserver": "3.5.99", "etcdcluster": "3.5.0"})

    def _say(self, answer):
        text = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # ftd may hang up at any time


@scenario
def no_core_file_holds_the_password():
    with protected() as rig:
        server = _Server(("127.0.0.1", 0), _Etcd)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        side = rig.alpha
        file = side.qemu.path("password")
        with open(file, "w", encoding="ascii") as f:
            f.write(PASSWORD + "\n")
        os.chmod(file, 0o600)
        side.stop_ftd()
        side.write_conf(arbiter__type="etcd", arbiter__endpoints=[f"http://127.0.0.1:{server.server_port}"],
                        arbiter__user="ftd", arbiter__password_file=file)
        side.start_ftd()
        side.ftctl("check")
        wait(lambda: PASSWORD in _Etcd.logins, "ftd to log in")
        secrets = _key(side) | {"password": PASSWORD.encode()}
        there = {what for what, _ in memory.places_of(side.ftd.pid, secrets)}
        assert {"key", "password"} <= there, f"of what it needs this test finds only {there}"
        _hidden(side.ftd.pid, secrets)
        server.shutdown()
