"""A control group with a freezer, of either version.

Knows: cgroupfs.  Must not know: what is frozen.
"""

import contextlib
import ctypes
import os
import tempfile

from tests.pair import processes

_libc = ctypes.CDLL(None, use_errno=True)


class Freezer:
    """version: "v1" or "v2".  OSError: this machine has none that we may use."""

    def __init__(self, version):
        self._v1 = version == "v1"
        self._mounted = None
        root = self._mount_point() or self._mount()
        self._dir = os.path.join(root, f"ftd-e2e-{os.getpid()}")
        try:
            os.mkdir(self._dir)
        except OSError:
            self._unmount()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Whoever is in it is ended."""
        self.thaw()
        for pid in self._read("cgroup.procs").split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), 9)
        processes.wait_until(lambda: not self._read("cgroup.procs"), "a cgroup to be empty")
        os.rmdir(self._dir)
        self._unmount()

    def add(self, pid):
        self._write("cgroup.procs", str(pid))

    def freeze(self):
        self._set(True)

    def thaw(self):
        self._set(False)

    def _set(self, frozen):
        if self._v1:
            self._write("freezer.state", "FROZEN" if frozen else "THAWED")
            processes.wait_until(lambda: self._read("freezer.state") == ("FROZEN" if frozen else "THAWED"), "the freezer")
        else:
            self._write("cgroup.freeze", "1" if frozen else "0")
            processes.wait_until(lambda: f"frozen {int(frozen)}" in self._read("cgroup.events").splitlines(), "the freezer")

    def _mount_point(self):
        with open("/proc/self/mounts", encoding="utf-8") as f:
            for line in f:
                _, where, kind, options, *_ = line.split()
                if (kind == "cgroup" and "freezer" in options.split(",")) if self._v1 else kind == "cgroup2":
                    return where
        return None

    def _mount(self):
        where = tempfile.mkdtemp(prefix="ftd-e2e-cgroup-")
        kind, data = (b"cgroup", b"freezer") if self._v1 else (b"cgroup2", None)
        if _libc.mount(b"ftd-e2e", where.encode(), kind, 0, data) != 0:
            os.rmdir(where)
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self._mounted = where
        return where

    def _unmount(self):
        if self._mounted:
            _libc.umount(self._mounted.encode())
            os.rmdir(self._mounted)

    def _read(self, name):
        with open(os.path.join(self._dir, name), encoding="ascii") as f:
            return f.read().strip()

    def _write(self, name, text):
        with open(os.path.join(self._dir, name), "w", encoding="ascii") as f:
            f.write(text)
