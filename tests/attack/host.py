"""Attackers on a host of the pair: its QEMU, an etcd that both ask, and a member of control.group.

Knows: how each is made hostile while the pair runs, and well again.  Must not know: what an attack comes to.

Each has begin() and end(); the one who is attacked is the side `survivor`.
"""

import os
import signal
import socket
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)
sys.dont_write_bytecode = True

from tests.bench.live.etcd import PREFIX, Etcd  # noqa: E402 (the path above comes first)
from tests.pair import processes  # noqa: E402

BAD_SERVER = os.path.join(ROOT, "tests", "arbiter", "bad_server.py")
BAD_PORT = 23999
MEMBERS = 2  # who attack at once
NOBODY = 65534
LINE = b'{"verb":"status"}\n'
NESTED = b'{"verb":"status","x":[' + b"[]," * 21000 + b"0]}\n"  # 64 KB are let in
MAY_START = b'{"verb":"may-start","confirm_fenced":false}\n'


class Qemu:
    """The stand-in for the survivor's QEMU, which was told how to be hostile (fake_qemu.c)."""

    def __init__(self, fleet, survivor, _what):
        self._pid = survivor.qemu

    def begin(self):
        os.kill(self._pid, signal.SIGUSR1)

    def end(self):
        """It stays as it is."""


class EtcdArbiter:
    """A real etcd, asked by way of a server that hands on what it is asked, until it is hostile.

    alone: no other endpoint leads to the same etcd."""

    def __init__(self, directory, alone):
        folder = os.path.join(directory, "etcd-data")
        os.mkdir(folder)
        self._log, self._alone = os.path.join(directory, "bad-server"), alone
        self._etcd = Etcd(folder)
        self._server = None
        self.serve("relay")

    def serve(self, what):
        if self._server:
            processes.kill(self._server)
        argv = [sys.executable, BAD_SERVER, what, str(BAD_PORT), str(self._etcd.port)]
        self._server = processes.spawn(argv, self._log)
        processes.wait_until(_listens, "the server before etcd to listen")

    def settings(self, _node):
        endpoints = [f"http://127.0.0.1:{BAD_PORT}", *([] if self._alone else [self._etcd.url])]
        return {"arbiter.type": "etcd", "arbiter.prefix": PREFIX, "arbiter.endpoints": endpoints}

    def close(self):
        processes.kill(self._server)
        self._etcd.end()


def _listens():
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", BAD_PORT)) == 0


class EtcdServer:
    def __init__(self, fleet, _survivor, what):
        self._arbiter, self._what = fleet.arbiter, what

    def begin(self):
        self._arbiter.serve(self._what)

    def end(self):
        self._arbiter.serve("relay")


class Member:
    """Users of the socket's group, who are not root."""

    def __init__(self, fleet, survivor, what):
        self._argv = [sys.executable, os.path.abspath(__file__), survivor.control, what]
        self._log = os.path.join(fleet.dir, "members")
        self._ours = []

    def begin(self):
        self._ours = [processes.spawn(self._argv, self._log) for _ in range(MEMBERS)]

    def end(self):
        for child in self._ours:
            if child.poll() is not None:
                with open(self._log, encoding="utf-8") as f:
                    raise RuntimeError(f"a member ended: {f.read()}")
            processes.kill(child)


# ---- what a member does, without end


def connect(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(5)
    s.connect(path)
    return s


def circle(path):
    connect(path).close()


def ask(path, line=MAY_START):
    with connect(path) as s:
        s.sendall(line)
        s.recv(65536)


def nested(path):
    ask(path, NESTED)


def deaf(path):
    with connect(path) as s:
        while True:
            s.sendall(LINE)


def main():
    os.setgroups([])
    os.setgid(0)  # the socket's
    os.setuid(NOBODY)
    path, what = sys.argv[1], {"circle": circle, "ask": ask, "nested": nested, "deaf": deaf}[sys.argv[2]]
    while True:
        try:
            what(path)
        except OSError:
            pass  # turned away, for now


if __name__ == "__main__":
    main()
