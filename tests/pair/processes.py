"""Child processes that never outlive the one that started them, however that one ends.

Knows: fork, signals, prctl, files that only this user writes.  Must not know: what the children are.

Start children from the main thread only: the kernel ties their death to the thread that forked them.
"""

import atexit
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time

_PR_SET_PDEATHSIG, _PR_SET_THP_DISABLE = 1, 41  # linux/prctl.h
_libc = ctypes.CDLL(None, use_errno=True)
_children = []

os.umask(0o022)  # ftd obeys no file that others may write to


def die_with_parent(parent, signum):
    """This process gets signum when its parent dies."""
    _libc.prctl(_PR_SET_PDEATHSIG, signum)
    if os.getppid() != parent:  # it died before the line above
        os._exit(127)


def without_huge_pages():
    """What this process starts from now on has small pages only, as on a host whose memory is fragmented."""
    _libc.prctl(_PR_SET_THP_DISABLE, 1, 0, 0, 0)


def available_mb():
    """Memory that new processes could have."""
    with open("/proc/meminfo", encoding="ascii") as f:
        return next(int(line.split()[1]) // 1024 for line in f if line.startswith("MemAvailable:"))


def own_copy(program, folder):
    """A copy of it in folder, its path: the checkout may be another user's, and ftd runs no program that another may change."""
    copy = os.path.join(folder, os.path.basename(program))
    if not os.path.exists(copy):
        shutil.copy(program, copy)
        os.chmod(copy, 0o755)
    return copy


def spawn(argv, output, env=None):
    """Starts argv in a session of its own, with no input and its output and errors appended to the file `output`."""
    parent = os.getpid()

    with open(output, "ab") as out:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, start_new_session=True,
                                 preexec_fn=lambda: die_with_parent(parent, signal.SIGKILL))
    _children.append(child)
    return child


def kill(child, wait=True):
    """SIGKILL, which a stopped process obeys too.  Without wait, the caller must call child.wait() or child.poll()."""
    if child.poll() is None:
        child.kill()
        if wait:
            child.wait(30)


def state(pid):
    """The kernel's letter for a process (R, S, D, T, Z, ...), or None if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            return f.read().rpartition(") ")[2][0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def name(pid):
    """What a process calls itself, "" if it is gone."""
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as f:
            return f.read().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def children(pid):
    """The pids of a process's children."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as f:
                if entry.isdigit() and int(f.read().rpartition(") ")[2].split()[1]) == pid:
                    found.append(int(entry))
        except (OSError, IndexError, ValueError):
            continue  # it has ended, or is no process
    return found


def wait_until(condition, what, seconds=20.0, every=0.01):
    """Polls condition() until it is true and returns its value; TimeoutError naming `what` otherwise.

    An exception of condition() ends the wait at once.
    """
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(every)


def kill_all():
    for child in _children:
        kill(child, wait=False)
    for child in _children:
        child.wait(30)
    _children.clear()


def _leave(signum, _frame):
    sys.exit(128 + signum)  # as an exception, so that every `finally` and `with` on the way cleans up


def end_with_everything():
    """Call once in a program's main: SIGTERM, SIGINT and SIGHUP then end it in order, its children included."""
    for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(s, _leave)
    atexit.register(kill_all)
