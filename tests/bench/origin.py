"""Where results come from: which source, when, on what machine, and how busy that was before.

Knows: git, /proc.  Must not know: what was measured.
"""

import datetime
import os
import platform
import subprocess

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def now():
    """{"made", "commit", "dirty", "host"}; None without git.  docs/ does not make it dirty: results go there."""
    commit = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("status", "--porcelain", "-uno", "--", ".", ":!docs")
    return {"made": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "commit": commit, "dirty": None if changed is None else bool(changed),
            "host": {"cpus": os.cpu_count(), "cpu": _cpu_name(), "kernel": platform.release(),
                     "load_before": round(os.getloadavg()[0], 1)}}


def line(results):
    """The same for people."""
    h, changed = results["host"], ", changed since" if results["dirty"] else ""
    return (f"{results['made']}: commit {results['commit'] or 'unknown'}{changed}, {h['cpus']} x {h['cpu']}, "
            f"Linux {h['kernel']}, load before {h['load_before']}")


def _git(*arguments):
    try:
        # root measures in trees of others
        run = subprocess.run(["git", "-c", "safe.directory=*", "-C", _ROOT, *arguments], capture_output=True, text=True,
                             check=False)
    except FileNotFoundError:
        return None
    return run.stdout.strip() if run.returncode == 0 else None


def _cpu_name():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        return next((line.split(":")[1].strip() for line in f if line.startswith("model name")), platform.machine())
