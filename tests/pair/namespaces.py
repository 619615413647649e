"""Network namespaces: whether they can be made here, and code of ours that runs in one.

Knows: setns, the tools that make namespaces.  Must not know: which networks are made of them.
"""

import ctypes
import os
import subprocess
import threading

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_libc = ctypes.CDLL(None, use_errno=True)


def unusable_because(*others):
    """None where network namespaces can be made, and the others that unshare is asked for, else why not."""
    if os.geteuid() != 0:
        return "network namespaces take root"
    for tool in (["unshare", "--net", *others, "true"], ["ip", "-V"], ["nft", "-v"], ["nsenter", "-V"]):
        try:
            run = subprocess.run(tool, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            return f"{tool[0]} is not installed"
        if run.returncode != 0:
            return f"{' '.join(tool)}: {run.stderr.strip()}"
    return None


def inside(pid, function):
    """function() called with the network of this process; whatever socket it makes stays there.  Raises its OSError."""
    made = []

    def there():  # a thread of its own: it does not come back
        try:
            with open(f"/proc/{pid}/ns/net", "rb") as namespace:
                if _libc.setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            made.append(function())
        except OSError as e:
            made.append(e)

    thread = threading.Thread(target=there)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]
