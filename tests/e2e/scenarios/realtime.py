"""realtime = true: kept, or refused."""

import os
import subprocess

from tests.e2e.checks import failed_over
from tests.e2e.harness import WAIT, Skip, protected
from tests.e2e.registry import scenario
from tests.pair import processes

_RESET_ON_FORK = 0x40000000  # sched.h, in what sched_getscheduler returns


def _policy(pid):
    """(policy, priority), as the kernel says."""
    return os.sched_getscheduler(pid) & ~_RESET_ON_FORK, os.sched_getparam(pid).sched_priority


def _locked_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmLck:"))


def _name(pid):
    with open(f"/proc/{pid}/comm", encoding="ascii") as f:
        return f.read().strip()


def _need_realtime():
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(50))
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    except PermissionError as e:
        raise Skip("SCHED_RR is not allowed here") from e


@scenario
def realtime():
    _need_realtime()
    with protected(settings={"realtime": True}, arbiter="file") as rig:
        for side in rig.sides:
            assert _policy(side.ftd.pid) == (os.SCHED_RR, 10), _policy(side.ftd.pid)
            children = {_name(pid): pid for pid in processes.children(side.ftd.pid)}
            assert _policy(children["ftd-sentinel"]) == (os.SCHED_RR, 50), children
            assert _policy(children["ftd-writer"]) == (os.SCHED_OTHER, 0), children
            if "/san/" not in rig.ftd:  # ASan makes mlockall do nothing
                assert _locked_kb(side.ftd.pid) > 1024 and _locked_kb(children["ftd-sentinel"]) > 1024
                assert _locked_kb(children["ftd-writer"]) == 0
            assert "priority 10; memory is locked" in side.ftctl("check").stdout, side.ftctl("check").stdout
        # It takes a restart, and a reload says so.
        rig.alpha.write_conf(realtime=False)
        reload = rig.alpha.ftctl("reload")
        assert reload.returncode != 0 and "realtime" in reload.stderr, reload
        rig.alpha.qemu.kill()
        failed_over(rig, rig.beta, "peer-vm-gone")


@scenario
def realtime_refused():
    """Without the right to it: ftd does not start, and names the limit."""
    with protected() as rig:
        rig.beta.stop_ftd()
        rig.beta.write_conf(realtime=True)
        ran = subprocess.run(["setpriv", "--bounding-set=-sys_nice", rig.ftd, "-c", rig.beta.conf], capture_output=True, text=True,
                             timeout=WAIT, check=False)
        assert ran.returncode == 1, ran
        assert "realtime = true" in ran.stderr and "LimitRTPRIO=50" in ran.stderr, ran.stderr
