"""A range of ports and a directory for one pair, so that several pairs can run at once.

Knows: lock files, the loopback addresses.  Must not know: QEMU, ftd.

A slot is held by a lock on a file, which the kernel takes back however its holder ends.  Whoever gets the lock of a slot
owns its directory, and removes what a killed predecessor left there.
"""

import fcntl
import os
import shutil
import socket
import tempfile

FIRST_PORT = 27000
PORTS = 40  # of one slot
SLOTS = 50
ADDRESSES = ("127.0.0.1", "127.0.0.2")  # of the two sides


class Slot:
    """The first free slot: .base is its first port, .dir its empty directory."""

    def __init__(self):
        home = os.path.join(tempfile.gettempdir(), f"ftd-pairs-{os.getuid()}")
        os.makedirs(home, mode=0o700, exist_ok=True)
        if os.stat(home).st_uid != os.getuid():
            raise RuntimeError(f"{home} belongs to somebody else; remove it, or set TMPDIR")
        for n in range(SLOTS):
            self.base = FIRST_PORT + n * PORTS
            self.dir = os.path.join(home, str(self.base))
            self._lock = os.open(self.dir + ".lock", os.O_RDWR | os.O_CREAT, 0o600)
            if self._take():
                shutil.rmtree(self.dir, ignore_errors=True)
                os.mkdir(self.dir, 0o700)
                return
            os.close(self._lock)
        raise RuntimeError(f"no free port range among {SLOTS} from {FIRST_PORT} on")

    def _take(self):
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return all(_can_bind(a, self.base + i) for a in ADDRESSES for i in range(PORTS))

    def release(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        os.close(self._lock)


def _can_bind(address, port):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as s:
            if kind == socket.SOCK_STREAM:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind((address, port))
            except OSError:
                return False
    return True
