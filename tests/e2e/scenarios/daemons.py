"""ftd comes, goes, is told to read its file again, or is started wrongly.  The guests do not notice."""

import os
import signal
import subprocess

from tests.e2e.checks import HOST_DIED, Calm, failed_over, no_failover
from tests.e2e.harness import Skip, protected, stays, wait
from tests.e2e.registry import on_either, scenario
from tests.pair import processes


@on_either
def goodbye(role):
    """SIGTERM: the peer is told, so nobody fails over; QEMU is left as it is."""
    with protected() as rig:
        leaving, staying = rig.side(role), rig.other(rig.side(role))
        leaving.stop_ftd()
        staying.wait_state("unprotected")
        stays(lambda: staying.state() == "unprotected", 3, f"{staying.node} is unprotected")
        no_failover(rig)
        leaving.start_ftd()
        rig.wait_protected()
        no_failover(rig)


@scenario
def goodbye_of_both():
    with protected() as rig:
        for s in rig.sides:
            s.stop_ftd()
        no_failover(rig)
        for s in rig.sides:
            s.start_ftd()
        rig.wait_protected()
        no_failover(rig)


@scenario
def both_killed_and_restarted():
    with protected() as rig:
        for s in rig.sides:
            s.kill_ftd()
        for s in rig.sides:
            s.start_ftd()
        rig.wait_protected()
        no_failover(rig)


@scenario
def a_socket_that_is_gone_is_no_absent_qemu():
    """ftd and its sentinel are killed in one blow, and QEMU's sockets are swept away: a peer that is told that nothing runs
    there would take over, and two guests run."""
    with protected(arbiter="file", settings={"heartbeat.lost_after": 50}) as rig:  # time for a restart
        side = rig.side("primary")
        sockets = (side.qemu.qmp_socket, side.qemu.oob_socket)
        sentinel = side.sentinel()
        side.freeze_ftd()  # or it would have another one
        os.kill(sentinel, signal.SIGKILL)
        side.kill_ftd()
        for s in sockets:
            os.rename(s, s + ".away")
        side.start_ftd()
        wait(lambda: (side.status_or_none() or {}).get("state") == "unprotected", "ftd to know where it stands")
        stays(lambda: side.status()["qemu"]["vm"] == "alive", 4, "its QEMU is known to live")
        no_failover(rig)
        for s in sockets:
            os.rename(s + ".away", s)
        rig.wait_protected()
        no_failover(rig)


@on_either
def restart_after_failover(role):
    """A side that runs the guest alone knows so after a restart, without its peer's help."""
    with protected() as rig:
        victim, survivor = rig.side(role), rig.other(rig.side(role))
        victim.kill_host()
        failed_over(rig, survivor, HOST_DIED)
        survivor.kill_ftd()
        survivor.start_ftd()
        survivor.wait_state("solo")
        failed_over(rig, survivor, HOST_DIED)


@scenario
def reload_good_and_bad():
    with protected() as rig:
        side, calm = rig.alpha, Calm(rig)

        said = len(side.log_text())
        side.write_conf(heartbeat__interval_ms=1, nonsense=3)
        side.ftd.send_signal(signal.SIGHUP)
        side.wait_log("interval_ms", since=said)
        side.wait_log("nonsense", since=said)
        calm.check()

        said = len(side.log_text())
        rig.hook = True
        side.write_conf(heartbeat__interval_ms=125, heartbeat__lost_after=4, log__level="debug")  # the same detection time
        side.ftd.send_signal(signal.SIGHUP)
        side.wait_log("reload", since=said)
        calm.check(for_seconds=2)
        assert side.ftctl("reload").returncode == 0
        calm.check()

        rig.beta.stop_ftd()
        side.wait_state("unprotected")
        wait(side.hook_calls, "the new hook to be called")
        no_failover(rig)


@scenario
def a_reload_that_hangs_holds_up_no_heartbeat():
    """The list of groups becomes a pipe that nobody writes to: whoever opens it waits."""
    if os.geteuid() != 0:
        raise Skip("a mount of ftd's own takes root")
    with protected() as rig:
        side = rig.alpha
        side.stop_ftd()
        side.write_conf(control__group="root")
        side.start_ftd(inside=("unshare", "--mount"))
        rig.wait_protected()
        groups, calm = side.qemu.path("groups"), Calm(rig)
        os.mkfifo(groups)
        there = ("nsenter", "--mount", f"--target={side.ftd.pid}")
        subprocess.run([*there, "mount", "--bind", groups, "/etc/group"], check=True)

        said = len(side.log_text())
        side.ftd.send_signal(signal.SIGHUP)
        side.wait_log("not reloaded", since=said)
        calm.check(for_seconds=1)

        subprocess.run([*there, "umount", "/etc/group"], check=True)
        assert side.ftctl("reload").returncode == 0
        calm.check()
        no_failover(rig)


@scenario
def a_second_ftd_is_refused():
    with protected() as rig:
        side, log = rig.alpha, rig.alpha.qemu.path("second.log")
        second = processes.spawn([rig.ftd, "-c", side.conf], log)
        assert second.wait(30) == 1, second.returncode
        with open(log, encoding="utf-8") as f:
            said = f.read()
        assert str(side.ftd.pid) in said and side.state_dir in said, said
        assert [s.state() for s in rig.sides] == ["protected"] * 2
        no_failover(rig)


@scenario
def a_faulty_file_starts_nothing():
    with protected() as rig:
        side, log = rig.alpha, rig.alpha.qemu.path("check.log")
        good = processes.spawn([rig.ftd, "-c", side.conf, "--check-config"], log)
        assert good.wait(30) == 0
        side.write_conf(heartbeat__interval_ms=1, heartbeat__lost_after=1, arbiter__type="prayer", log__level="loud",
                        qmp__reply_timeout_ms=-5, nonsense=3, pair="No Such Name")
        faulty = processes.spawn([rig.ftd, "-c", side.conf, "--check-config"], log)
        assert faulty.wait(30) == 2, faulty.returncode
        with open(log, encoding="utf-8") as f:
            lines = f.read().splitlines()
        for word in ("interval_ms", "lost_after", "prayer", "loud", "reply_timeout_ms", "nonsense", "No Such Name"):
            assert any(word in line and line.startswith(side.conf + ":") for line in lines), (word, lines)
        started = processes.spawn([rig.ftd, "-c", side.conf], log)
        assert started.wait(30) == 2, started.returncode
        os.chmod(side.key, 0o644)
        side.write_conf()
        readable = processes.spawn([rig.ftd, "-c", side.conf, "--check-config"], log)
        assert readable.wait(30) == 2, readable.returncode
