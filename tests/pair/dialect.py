"""What differs between the QEMUs that the tests know: every such difference by a name of its own, all of them here.

Knows: which QEMU the tests run, what it says of its version.  Must not know: pairs, ftd.

FTD_TEST_QEMU is the program to run instead of the installed one; `use` sets it to one that tests/tools/get-qemu has brought.
"""

import functools
import os
import re
import subprocess

GET_QEMU = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tools", "get-qemu")
_CHOSEN = "FTD_TEST_QEMU"


def program():
    return os.environ.get(_CHOSEN) or "qemu-system-x86_64"


def use(version):
    """This process and all that it starts run that QEMU from now on.  version: one that get-qemu knows."""
    got = subprocess.run([GET_QEMU, version], stdout=subprocess.PIPE, text=True, check=False)
    if got.returncode:
        raise SystemExit(got.returncode)  # it has said why
    os.environ[_CHOSEN] = got.stdout.strip()
    _version.cache_clear()


@functools.cache
def _version():
    said = subprocess.run([program(), "--version"], capture_output=True, text=True, check=True).stdout
    found = re.match(r"QEMU emulator version (\d+)\.(\d+)\.(\d+)", said)
    if not found:
        raise RuntimeError(f"{program()} --version says nothing of its version: {said!r}")
    return tuple(int(n) for n in found.groups())


def name():
    """As people call it: 7.2."""
    return "%d.%d" % _version()[:2]


def full_name():
    return "%d.%d.%d" % _version()


def takes_reconnect_ms():
    """A chardev's option; 11.1 no longer knows reconnect, in seconds."""
    return _version() >= (9, 2)


def needs_return_path():
    """x-colo takes the capability return-path; up to 10.x that broke the migration."""
    return _version() >= (11, 0)


def has_tcg_deadlock():
    """TCG's primary hangs at a checkpoint; see tcg-colo-workaround.c."""
    return _version() < (11, 0)


def has_multifd():
    """With x-colo, that is."""
    return _version() >= (11, 1)


def maps_iothreads():
    """A disk's controller takes an iothread for each of its queues, by iothread-vq-mapping."""
    return _version() >= (10, 0)


def lets_a_detached_disk_go():
    """Once a primary's disk is detached, its failover does not wait for a secondary that stands still."""
    return (10, 0) <= _version() < (11, 0)


def loads_beside_the_main_loop():
    """A secondary whose primary stops in the midst of a checkpoint goes on answering in band."""
    return _version() >= (11, 0)


def silent_while_memory_goes_over():
    """The role of the side that answers nothing in band while a checkpoint's memory is on its way."""
    return "primary" if _version() >= (11, 0) else "secondary"


# By which the conformance scripts name what some QEMUs do.
WAYS = {"detached-disk-let-go": lets_a_detached_disk_go, "loads-beside-main-loop": loads_beside_the_main_loop}
