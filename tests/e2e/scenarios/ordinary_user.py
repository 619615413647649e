"""ftd as an ordinary user, with the capabilities that ftd(8) names and no way to any others.  QEMU is root's."""

import os
import re

from tests.e2e.checks import failed_over
from tests.e2e.harness import protected, wait
from tests.e2e.registry import on_either, scenario

USER = 65534
NEEDED = ("kill", "sys_ptrace", "dac_read_search")


def as_user(capabilities):
    chosen = ",".join(["-all", *("+" + c for c in capabilities)])
    return ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", f"--inh-caps={chosen}", f"--ambient-caps={chosen}",
            "--no-new-privs")


def hand_over(side):
    """What is ftd's belongs to its user, and QEMU's sockets are open to it."""
    for folder in (side.state_dir, side.rig.arbiter.path):
        for name in os.listdir(folder):
            os.chown(os.path.join(folder, name), USER, USER)
    for path in (side.qemu.dir, side.state_dir, side.rig.arbiter.path, side.conf, side.key):
        os.chown(path, USER, USER)
    for above in (side.rig.pair.slot.dir, os.path.dirname(side.rig.pair.slot.dir)):
        os.chmod(above, 0o711)
    for sock in (side.qemu.qmp_socket, side.qemu.oob_socket):
        os.chmod(sock, 0o666)


def restart(side, capabilities):
    side.stop_ftd()
    hand_over(side)
    side.start_ftd(as_user(capabilities))


@on_either
def an_ordinary_user(role):
    """Both sides: one fails over, the other freezes and ends root's QEMU."""
    with protected(arbiter="file") as rig:
        for s in rig.sides:
            restart(s, NEEDED)
        rig.wait_protected()
        with open(f"/proc/{rig.alpha.ftd.pid}/status", encoding="ascii") as f:
            ids = re.search(r"^Uid:\t(\d+)\t(\d+)", f.read(), re.MULTILINE)
        assert set(ids.groups()) == {str(USER)}, ids.groups()
        side = rig.side(role)
        order = side.ftctl("failover")
        assert order.returncode == 0, (order.stdout, order.stderr)
        failed_over(rig, side, "operator")
        rig.other(side).wait_state("fenced")
        wait(rig.other(side).qemu.gone, "the other QEMU to be ended")


@scenario
def an_ordinary_user_who_lacks_a_capability():
    """What is missing is named, and nothing is called protected that could not be stopped."""
    with protected(arbiter="file") as rig:
        side = rig.alpha
        for missing in NEEDED:
            begins = len(side.log_text())
            restart(side, [c for c in NEEDED if c != missing])
            wait(lambda m=missing, b=begins: f"CAP_{m.upper()}" in side.log_text()[b:], f"the log to name CAP_{missing.upper()}")
            assert side.state() != "protected", side.status()
            check = side.ftctl("check")
            assert check.returncode == 1 and re.search(r"FAIL +process", check.stdout), (check.returncode, check.stdout)
        restart(side, NEEDED)
        rig.wait_protected()
