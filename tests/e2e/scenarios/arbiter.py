"""One machine, and a folder as the arbiter: who may end a session, and who may only stand still."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time

from tests.e2e.arbiters import HangingFileArbiter
from tests.e2e.checks import HOST_DIED, Calm, failed_over, is_out, no_failover, only_one_runs, replicates, survivor_runs, valid_outcome
from tests.e2e.harness import Skip, default_arbiter, protected, stays, wait
from tests.e2e.registry import on_either, scenario
from tests.e2e.scenarios import daemons, freezes, kills, network, orders
from tests.e2e.watch import Watch

def arbiter_loss_is_news(rig, lose, restore):
    """Nobody asks for it; and nothing else comes of it: the pair stays protected, and nobody fails over."""
    def told(side, words):
        return [c for c in side.hook_calls() if c["env"]["FT_EVENT"] == "arbiter" and words in c["env"]["FT_REASON"]]

    calm = Calm(rig)
    lose()
    for s in rig.sides:
        wait(lambda s=s: not s.status()["arbiter"]["reachable"], f"{s.node} to miss the arbiter")
        s.wait_log("WARN", "the arbiter is out of reach")
        wait(lambda s=s: told(s, "the arbiter is out of reach: "), f"{s.node}'s hook to be told")
        assert s.status()["protected"] and not told(s, "the arbiter is out of reach: ")[0]["input"]["arbiter"]["reachable"]
    calm.check(for_seconds=1)
    restore()
    for s in rig.sides:
        wait(lambda s=s: s.status()["arbiter"]["reachable"], f"{s.node} to find the arbiter")
        wait(lambda s=s: told(s, "in reach again"), f"{s.node}'s hook to be told")
        assert len(told(s, "out of reach")) == 1, s.hook_calls()
    no_failover(rig)


@scenario
def a_file_arbiter_lost_while_protected_is_news():
    with protected(arbiter="file", hook=True) as rig:
        arbiter_loss_is_news(rig, rig.arbiter.unmount, rig.arbiter.mount)


SLOW = {"heartbeat.lost_after": 30}  # a detection time of 3 s: time for a restart within the lease
CUT_OFF = 11  # ftctl's exit code of held and fenced


def with_file(function):
    """The same scenario as without an arbiter, and the same end."""
    def run(*role):
        with default_arbiter("file"):
            function(*role)
    run.__name__ = "file_arbiter_" + function.__name__
    return run


for same in (kills.kill_qemu, kills.kill_host, kills.protect_again, freezes.freeze_qemu_between_checkpoints,
             freezes.freeze_qemu_in_checkpoint, freezes.freeze_host_then_kill_it, orders.sigusr1, orders.ftctl_failover,
             orders.sigusr1_with_a_dead_peer, orders.sigusr1_just_after_the_peer_died, daemons.goodbye,
             daemons.restart_after_failover, network.replication_cut_in_a_checkpoint_while_an_ftd_is_away):
    on_either(with_file(same))
for same in (orders.both_ordered_at_once, daemons.goodbye_of_both, network.one_link_of_two_cut,
             network.replication_cut_while_heartbeats_flow):
    scenario(with_file(same))


def with_arbiter(arbiter="file", **options):
    return protected(arbiter=arbiter, **options)


def held(side):
    """Neither peer nor arbiter: the guest stands still, says the kernel, and people are told what frees it."""
    side.wait_state("held")
    wait(side.qemu.stopped, f"{side.node}'s QEMU to be frozen")
    # The state comes first; what it is made of is told a moment later.
    wait(lambda: side.status()["qemu"]["status"] == "frozen", f"{side.node} to say that its QEMU is frozen")
    wait(lambda: "ftctl failover --confirm-fenced" in (side.status()["reason"] or ""), f"{side.node} to say what frees it")
    assert side.ftctl("status").returncode == CUT_OFF
    said = side.qemu.said()
    stays(lambda: side.state() == "held" and side.qemu.stopped(), 2, f"{side.node} is held")
    assert side.qemu.said() == said, f"{side.node}'s frozen guest spoke"


def tells_of_hold(side):
    """A failover that is held is an outcome, told once however often the claim is tried again."""
    (record,) = side.outcomes()
    valid_outcome(record, side)
    assert record["result"] == "held" and record["claim"]["result"] == "unreachable" and record["error"], record
    assert record["steps"] == [] and side.status()["last_outcome"] == record, record


def fenced(side):
    """It lost: its guest has ended, and it says so."""
    side.wait_state("fenced")
    wait(side.qemu.gone, f"{side.node}'s QEMU to be ended")
    assert side.ftctl("status").returncode == CUT_OFF


@scenario
def the_session_is_agreed_on():
    with with_arbiter() as rig:
        sessions = [s.status()["session"] for s in rig.sides]
        assert all(s["accepted"] for s in sessions), sessions
        assert sessions[0]["id"] == sessions[1]["id"] and sessions[0]["epoch"] == sessions[1]["epoch"] >= 1, sessions
        assert rig.arbiter.registers() == {}, "nobody has ended anything"
        rig.alpha.qemu.kill()
        record = failed_over(rig, rig.beta, "peer-vm-gone")
        assert (record["session"], record["epoch"]) == (sessions[0]["id"], sessions[0]["epoch"]), record
        rig.pair.start_secondary(rig.alpha.qemu, rig.beta.qemu)
        rig.wait_protected()
        new = rig.beta.status()["session"]
        assert new["id"] != record["session"] and new["epoch"] > record["epoch"] and new["accepted"], new
        assert rig.arbiter.registers() == {record["session"]: "beta"}, rig.arbiter.registers()


@scenario
def what_was_found_to_be_won_waits_after_a_restart():
    """A claim of beta's that had been given up lands.  Its ftd reads that it has won, writes it down, and is killed: the next
    one must not go on beside alpha, which has a right to run for some seconds yet."""
    with with_arbiter(settings=SLOW) as rig:
        rig.arbiter.claim(rig.beta.status()["session"]["id"], "beta")
        with Watch(rig):
            rig.beta.kill_ftd()
            rig.beta.start_ftd()  # it does not know what the one before it has asked
            wait(lambda: rig.beta.session_stage() in ("found", "ended"), "beta's ftd to find that it has won")
            rig.beta.kill_ftd()
            rig.beta.start_ftd()
            fenced(rig.alpha)
            failed_over(rig, rig.beta, HOST_DIED)


@scenario
def a_state_dir_that_was_lost_is_no_licence_to_start():
    """alpha's host died, beta runs the guest, and alpha comes back with an empty disk: the arbiter remembers, with an ftd and without."""
    with with_arbiter() as rig:
        epoch = rig.alpha.status()["session"]["epoch"]
        mark = os.path.join(rig.arbiter.path, "e2e@beta")
        wait(lambda: f"epoch {epoch}\n" in open(mark, encoding="ascii").read(), "beta's mark to tell of the session")
        rig.alpha.kill_host()
        failed_over(rig, rig.beta, HOST_DIED)
        rig.beta.stop_ftd()  # nobody speaks for the guest that runs there
        shutil.rmtree(rig.alpha.state_dir)
        os.mkdir(rig.alpha.state_dir, 0o700)
        asked = rig.alpha.ftctl("may-start")
        assert asked.returncode == 1 and "the arbiter knows this pair" in asked.stdout + asked.stderr, (asked.stdout, asked.stderr)
        shutil.rmtree(rig.alpha.state_dir)
        os.mkdir(rig.alpha.state_dir, 0o700)
        rig.alpha.start_ftd()
        asked = rig.alpha.ftctl("may-start")
        assert asked.returncode == 1 and "the arbiter knows this pair" in asked.stdout + asked.stderr, (asked.stdout, asked.stderr)
        rig.beta.start_ftd()


@scenario
def an_order_beside_an_ftd_that_is_only_being_upgraded():
    """The other guest runs without a lease, and no claim makes it stand still."""
    with with_arbiter() as rig, Watch(rig):
        rig.alpha.stop_ftd()
        wait(lambda: rig.beta.session_stage() == "released", "the session to be released")
        order = rig.beta.ftctl("failover")
        assert order.returncode == 4 and "--confirm-fenced" in order.stdout + order.stderr, (order.stdout, order.stderr)
        rig.alpha.start_ftd()
        rig.wait_protected()
        replicates(rig)


@scenario
def only_the_sentinel_can_act():
    with with_arbiter() as rig, Watch(rig):
        only_the_sentinel_acts(rig)


def only_the_sentinel_acts(rig):
    """The primary's ftd is stopped alone.  Its guest must stand still before the other side's may go on."""
    began = time.monotonic()
    rig.alpha.freeze_ftd()
    wait(rig.alpha.qemu.stopped, "the sentinel to freeze alpha's QEMU")
    failed_over(rig, rig.beta, HOST_DIED)
    time.sleep(max(0.0, began + 3 - time.monotonic()))
    assert rig.alpha.qemu.stopped(), "alpha's QEMU no longer stands still"
    rig.alpha.wake_ftd()
    fenced(rig.alpha)
    failed_over(rig, rig.beta, HOST_DIED)


@scenario
def the_secondary_s_ftd_is_stopped_for_three_seconds():
    """The primary loses its right to run, and wins it back for good; the other wakes up and has lost."""
    with with_arbiter() as rig, Watch(rig):
        rig.beta.freeze_ftd()
        rig.alpha.wait_state("solo")
        time.sleep(3)
        rig.beta.wake_ftd()
        fenced(rig.beta)
        failed_over(rig, rig.alpha, HOST_DIED)


@scenario
def a_sentinel_that_is_starved_is_not_waited_for():
    """It cannot say that it guards the new QEMU: no lease until another one does, and no heartbeat waits for that."""
    with with_arbiter() as rig:
        rig.beta.qemu.kill()
        failed_over(rig, rig.alpha, "peer-vm-gone")
        said, starved = len(rig.alpha.log_text()), rig.beta.sentinel()
        os.kill(starved, signal.SIGSTOP)
        rig.pair.start_secondary(rig.beta.qemu, rig.alpha.qemu)
        rig.beta.wait_log("is not on guard over QEMU")
        rig.wait_protected()
        assert rig.beta.sentinel() not in (starved, None)
        assert "peer lost" not in rig.alpha.log_text()[said:]
        assert "did not run" not in rig.beta.log_text()


@on_either
def ftd_dies_and_is_not_restarted(role):
    """The peer goes on.  Whoever comes back afterwards reads the register before its guest may act."""
    with with_arbiter() as rig, Watch(rig):
        victim, survivor = rig.side(role), rig.other(rig.side(role))
        victim.kill_ftd()
        survivor.wait_state("solo")
        if role == "primary":
            is_out(victim)
        victim.start_ftd()
        fenced(victim)
        failed_over(rig, survivor, HOST_DIED)


@on_either
def ftd_dies_and_is_restarted_within_the_lease(role):
    with with_arbiter(settings=SLOW) as rig:
        victim = rig.side(role)
        session = victim.status()["session"]["id"]
        victim.kill_ftd()
        victim.start_ftd()
        rig.wait_protected()
        assert victim.status()["role"] == role
        assert [s.status()["session"]["id"] for s in rig.sides] == [session] * 2, "the session is the same"
        stays(lambda: [s.state() for s in rig.sides] == ["protected"] * 2, 4, "both protected, beyond the detection time")
        no_failover(rig)
        assert not any(s.qemu.stopped() for s in rig.sides)


@scenario
def both_ftd_die_and_are_restarted_within_the_lease():
    with with_arbiter(settings=SLOW) as rig:
        for s in rig.sides:
            s.kill_ftd()
        for s in rig.sides:
            s.start_ftd()
        rig.wait_protected()
        no_failover(rig)


def thawed_by_the_next_ftd(rig):
    """Frozen by the sentinel, not yet claimed by anybody, since the arbiter is away: both stand still, then go on."""
    rig.arbiter.unmount()
    rig.alpha.kill_ftd()
    wait(rig.alpha.qemu.stopped, "the sentinel to freeze alpha's QEMU")
    held(rig.beta)
    assert rig.alpha.qemu.stopped()
    rig.alpha.start_ftd()
    rig.wait_protected()
    replicates(rig)
    for s in rig.sides:
        assert not [r for r in s.outcomes() if r["result"] == "success"], s.outcomes()
    rig.arbiter.mount()


@scenario
def a_frozen_primary_is_thawed_by_the_next_ftd():
    with with_arbiter() as rig, Watch(rig):
        thawed_by_the_next_ftd(rig)


@scenario
def a_big_qemu_that_was_found_frozen_dies():
    """The next ftd knew it by the session first, and then by QMP; its death is told while its memory is being freed."""
    kills.needs_memory_for_two_big_guests()
    with with_arbiter(memory_mb=kills.BIG_MB) as rig:
        thawed_by_the_next_ftd(rig)
        rig.alpha.qemu.kill()
        failed_over(rig, rig.beta, "peer-vm-gone")
        rig.alpha.wait_log("is dying")


@on_either
def one_ftd_comes_back_with_another_detection_time(role):
    """It is not called protected, and both say why; the session stands, and a death is taken over from as before."""
    with with_arbiter(settings=SLOW) as rig, Watch(rig):
        side = rig.side(role)
        side.kill_ftd()
        side.write_conf(heartbeat__lost_after=20)
        side.start_ftd()
        for s in rig.sides:
            wait(lambda s=s: "lost_after" in s.status()["reason"], f"{s.node} to tell that they differ")
            assert s.state() == "unprotected", s.status()
        replicates(rig)
        no_failover(rig)
        rig.alpha.kill_host()
        failed_over(rig, rig.beta, HOST_DIED)


@scenario
def the_arbiter_is_away_while_all_is_well():
    """A warning, and nothing else; then it is back, and a failover works."""
    with with_arbiter() as rig:
        calm = Calm(rig)
        rig.arbiter.unmount()
        for s in rig.sides:
            said = len(s.log_text())
            check = s.ftctl("check")
            assert check.returncode != 0 and "arbiter" in check.stdout, check.stdout
            s.wait_log("WARN", "arbiter", since=said)
            assert s.status()["arbiter"]["reachable"] is False, s.status()["arbiter"]
        calm.check(for_seconds=3)
        no_failover(rig)
        rig.arbiter.mount()
        for s in rig.sides:
            assert s.ftctl("check").returncode == 0, s.ftctl("check").stdout
            assert s.status()["arbiter"]["reachable"] is True
        calm.check()
        rig.alpha.kill_host()
        failed_over(rig, rig.beta, HOST_DIED)


def host_comes_back(role, begin):
    """Its disk still holds the session that it was bound by, and its new guest has nothing to do with that one."""
    with with_arbiter() as rig:
        victim, survivor = rig.side(role), rig.other(rig.side(role))
        victim.kill_host()
        failed_over(rig, survivor, HOST_DIED)
        for step in begin(rig, victim, survivor):
            step()
        rig.wait_protected()
        assert (survivor.status()["role"], victim.status()["role"]) == ("primary", "secondary")
        assert not any(s.qemu.stopped() for s in rig.sides)


@on_either
def a_host_comes_back_and_its_new_qemu_is_there_first(role):
    host_comes_back(role, lambda rig, new, survivor: (lambda: rig.pair.start_secondary(new.qemu, survivor.qemu), new.start_ftd))


@on_either
def a_host_comes_back_and_its_ftd_is_there_first(role):
    host_comes_back(role, lambda rig, new, survivor: (new.start_ftd, lambda: rig.pair.start_secondary(new.qemu, survivor.qemu)))


@scenario
def both_hosts_come_back_with_a_new_pair():
    """A power cut.  Nobody has ended the session; whoever leads the new pair does."""
    with with_arbiter() as rig:
        old = rig.alpha.status()["session"]["id"]
        for s in rig.sides:
            s.ftd.kill()
        for s in rig.sides:
            s.qemu.kill()
        rig.pair.up()
        for s in rig.sides:
            s.start_ftd()
        rig.wait_protected()
        no_failover(rig)
        assert rig.arbiter.registers() == {old: "alpha"}, rig.arbiter.registers()


@scenario
def both_qemus_died_and_a_new_pair_begins():
    """Each side has given the session up for good, and both say so: nobody is left who could run the guest in it.  Or one has seen the
    other's death before its own, and has claimed: then it gives the session back, to one that has nothing left either."""
    with with_arbiter() as rig:
        for s in rig.sides:
            s.freeze_ftd()
        for s in rig.sides:
            s.qemu.kill()
        for s in rig.sides:
            s.wake_ftd()
        for s in rig.sides:
            wait(lambda s=s: s.status()["session"]["stage"] in ("resigned", "ended"),
                 f"{s.node} to give the session up")
        rig.pair.up()
        rig.wait_protected()


@on_either
def held_until_the_arbiter_is_back(role):
    with with_arbiter() as rig:
        victim, survivor = rig.side(role), rig.other(rig.side(role))
        rig.arbiter.unmount()
        victim.kill_host()
        held(survivor)
        tells_of_hold(survivor)
        rig.arbiter.mount()
        failed_over(rig, survivor, HOST_DIED)


@on_either
def who_is_held_leaves_when_asked(role):
    """At once, and without having failed; and the next ftd takes over when the arbiter is back."""
    with with_arbiter() as rig:
        victim, survivor = rig.side(role), rig.other(rig.side(role))
        rig.arbiter.unmount()
        victim.kill_host()
        held(survivor)
        asked = time.monotonic()
        survivor.stop_ftd()
        assert time.monotonic() - asked < 20, "a failover that is held was waited for"
        assert survivor.qemu.stopped()
        survivor.start_ftd()
        rig.arbiter.mount()
        failed_over(rig, survivor, HOST_DIED)


@on_either
def held_while_the_storage_hangs(role):
    """Its claims hang in the kernel, ftd does not; and the first answer that comes is the right one."""
    with storage_that_can_hang() as storage, with_arbiter(arbiter=storage) as rig, Watch(rig):
        victim, survivor = rig.side(role), rig.other(rig.side(role))
        calm = Calm(rig)
        storage.hang()
        check = survivor.ftctl("check")
        assert check.returncode == 1 and "arbiter" in check.stdout, check.stdout
        calm.check(for_seconds=2)
        victim.freeze_host()
        held(survivor)
        storage.go_on()
        failed_over(rig, survivor, HOST_DIED)
        victim.wake_host_but_qemu()
        fenced(victim)


@contextlib.contextmanager
def storage_that_can_hang():
    with tempfile.TemporaryDirectory(prefix="ftd-e2e-") as directory:
        try:
            storage = HangingFileArbiter(directory)
        except OSError as why:
            raise Skip(f"no filesystem of one's own that could be frozen: {why}") from why
        with contextlib.closing(storage):
            yield storage


@on_either
def held_until_a_person_vouches(role):
    with with_arbiter() as rig:
        victim, survivor = rig.side(role), rig.other(rig.side(role))
        rig.arbiter.unmount()
        victim.kill_host()
        held(survivor)
        told = survivor.ftctl("status").stdout
        assert "ftctl failover --confirm-fenced" in told, told
        said = len(survivor.log_text())
        order = survivor.ftctl("failover", "--confirm-fenced")
        assert order.returncode == 0, (order.stdout, order.stderr)
        record = failed_over(rig, survivor, "operator", claim="unreachable")
        assert "--confirm-fenced" in record["evidence"][0]["what"], record["evidence"]
        survivor.wait_log("ERROR", "arbiter", "order", since=said)
        stays(lambda: survivor.state() == "solo", 3, "the survivor is solo")
        rig.arbiter.mount()
        wait(lambda: list(rig.arbiter.registers().values()) == [survivor.node], "the claim to be made up for")
        assert survivor.state() == "solo"


@on_either
def where_the_storage_is_not_mounted_nothing_is_won(role):
    """The survivor's ftd finds a folder at the path all the same, on its own disk."""
    if os.geteuid() != 0:
        raise Skip("a mount of one's own takes root")
    with with_arbiter() as rig:
        victim, survivor = rig.side(role), rig.other(rig.side(role))
        local = f"mount -t tmpfs tmpfs '{rig.arbiter.path}'; exec \"$@\""
        survivor.stop_ftd()
        survivor.start_ftd(inside=["unshare", "--mount", "sh", "-c", local, "sh"])
        survivor.wait_log("WARN", "arbiter is out of reach", "no mark of")
        for s in rig.sides:
            s.wait_log("ALARM not-shared")
            assert s.state() == "unprotected", s.status()
        check = survivor.ftctl("check")
        assert check.returncode == 1 and "no mark of" in check.stdout, check.stdout
        assert rig.arbiter.registers() == {}
        subprocess.run(["nsenter", f"--mount=/proc/{survivor.ftd.pid}/ns/mnt", "umount", rig.arbiter.path], check=True)
        rig.wait_protected()
        victim.kill_host()
        failed_over(rig, survivor, HOST_DIED)


@scenario
def where_the_storage_is_not_mounted_nothing_may_start():
    """The other side has won; a host that has been started anew does not see that."""
    with with_arbiter() as rig:
        rig.alpha.kill_host()
        failed_over(rig, rig.beta, HOST_DIED)
        rig.arbiter.unmount()
        os.mkdir(rig.arbiter.path)
        answer = rig.alpha.ftctl("may-start")
        assert answer.returncode != 0 and "no mark of" in answer.stdout + answer.stderr, answer
        os.rmdir(rig.arbiter.path)
        rig.arbiter.mount()
        answer = rig.alpha.ftctl("may-start")
        assert answer.returncode != 0 and "beta" in answer.stdout + answer.stderr, answer


@on_either
def a_restart_while_held(role):
    """What stands frozen stays frozen over a restart of its ftd, and is freed as before."""
    with with_arbiter() as rig:
        victim, survivor = rig.side(role), rig.other(rig.side(role))
        rig.arbiter.unmount()
        victim.kill_host()
        held(survivor)
        survivor.kill_ftd()
        survivor.start_ftd()
        held(survivor)
        rig.arbiter.mount()
        failed_over(rig, survivor, HOST_DIED)


@on_either
def a_frozen_host_wakes_up_too_late(role):
    """QEMU, ftd and sentinel stand still; the other side takes over; then ftd and sentinel run again."""
    with with_arbiter() as rig:
        victim, survivor = rig.side(role), rig.other(rig.side(role))
        with Watch(rig):
            victim.freeze_host()
            survivor.wait_state("solo")
            said = victim.qemu.said()
            victim.wake_host_but_qemu()
            fenced(victim)
            assert victim.qemu.said() == said, "its guest spoke once more"
            failed_over(rig, survivor, HOST_DIED)


@on_either
def a_full_disk_arms_nothing(role):
    """A session that cannot be stored is never told to anybody."""
    tmpfs = "cp '{0}/session' /dev/shm/ftd-e2e-session.$$ && mount -t tmpfs -o size=16k,mode=0700 tmpfs '{0}' && mv /dev/shm/ftd-e2e-session.$$ '{0}/session' && (head -c 1M /dev/zero >'{0}/ballast'; :) 2>/dev/null; exec \"$@\""
    if os.geteuid() != 0:
        raise Skip("a full disk of one's own takes root")
    with with_arbiter() as rig:
        side = rig.side(role)
        side.stop_ftd()
        side.start_ftd(inside=["unshare", "--mount", "sh", "-c", tmpfs.format(side.state_dir), "sh"])
        wait(lambda: "state_dir" in (side.status()["reason"] or ""), f"{side.node} to say what is missing")
        stays(lambda: not any(s.status()["protected"] for s in rig.sides), 3, "nobody is protected")
        assert side.ftctl("check").returncode != 0 and "state_dir" in side.ftctl("check").stdout
        no_failover(rig)
        os.unlink(f"/proc/{side.ftd.pid}/root{side.state_dir}/ballast")
        rig.wait_protected()
        no_failover(rig)


@on_either
def who_may_not_signal_its_qemu_is_not_protected(role):
    """It could not keep its guest from running on beside the other side's; that is said before it matters."""
    other_user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps", "+dac_override",
                  "--ambient-caps", "+dac_override"]  # reads and writes what it likes, but ends nobody
    if os.geteuid() != 0:
        raise Skip("an ftd of another user takes root")
    with with_arbiter() as rig:
        side = rig.side(role)
        side.stop_ftd()
        side.start_ftd(inside=other_user)
        side.wait_log("ERROR", "may not signal QEMU")
        stays(lambda: not any(s.status()["protected"] for s in rig.sides), 3, "nobody is protected")
        check = side.ftctl("check")
        assert check.returncode == 1 and "may not signal QEMU" in check.stdout, check.stdout
        side.stop_ftd()
        side.start_ftd()
        rig.wait_protected()
        no_failover(rig)


@on_either
def a_torn_session_file(role):
    """It is not taken for another session, nor for none: either the peer tells, or the guest does not run."""
    with with_arbiter(settings=SLOW) as rig, Watch(rig):
        side = rig.side(role)
        side.kill_ftd()
        path = os.path.join(side.state_dir, "session")
        os.truncate(path, os.path.getsize(path) // 2)
        said = len(side.log_text())
        side.start_ftd()
        side.wait_log("ERROR", path, since=said)
        wait(lambda: [s.state() for s in rig.sides] == ["protected"] * 2 or "solo" in [s.state() for s in rig.sides],
             "the pair to settle")
        if "solo" in [s.state() for s in rig.sides]:
            only_one_runs(rig)
        else:
            no_failover(rig)


@on_either
def a_lost_session_file(role):
    """ftd was here before, says its state_dir; so there may have been a session, and the peer tells."""
    with with_arbiter(settings=SLOW) as rig, Watch(rig):
        side = rig.side(role)
        side.kill_ftd()
        os.unlink(os.path.join(side.state_dir, "session"))
        side.start_ftd()
        wait(lambda: [s.state() for s in rig.sides] == ["protected"] * 2 or "solo" in [s.state() for s in rig.sides],
             "the pair to settle")
        if "solo" in [s.state() for s in rig.sides]:
            only_one_runs(rig)
        else:
            no_failover(rig)


@scenario
def a_torn_session_file_and_no_peer():
    """Whether the session was ended cannot be known: the primary's guest stands still until a person says so."""
    with with_arbiter(settings=SLOW) as rig:
        rig.beta.kill_host()
        rig.alpha.kill_ftd()
        path = os.path.join(rig.alpha.state_dir, "session")
        os.truncate(path, os.path.getsize(path) // 2)
        rig.alpha.start_ftd()
        held(rig.alpha)
        order = rig.alpha.ftctl("failover", "--confirm-fenced")
        assert order.returncode == 0, (order.stdout, order.stderr)
        rig.alpha.wait_state("solo")
        survivor_runs(rig.alpha, "primary")


@scenario
def may_start_asks_the_register():
    """Only the winner may start this guest as primary; asked of a live ftd, and without one."""
    with with_arbiter() as rig:
        assert rig.beta.ftctl("may-start").returncode != 0, "beta's guest is the secondary"
        rig.alpha.kill_host()
        failed_over(rig, rig.beta, HOST_DIED)
        answer = rig.alpha.ftctl("may-start")
        assert answer.returncode != 0 and "beta" in answer.stdout + answer.stderr, answer
        rig.beta.stop_ftd()
        assert rig.beta.ftctl("may-start").returncode != 0, "its guest still runs"
        rig.beta.qemu.kill()
        answer = rig.beta.ftctl("may-start")
        assert answer.returncode == 0, answer


@scenario
def a_forced_failover_is_refused_to_the_loser():
    """The other side has won, which this one has not heard: the register says so, and no order can change it."""
    with with_arbiter(relay=True) as rig, Watch(rig):
        for r in rig.relays:
            r.cut = True
        survivor, loser = only_one_runs(rig)
        fenced(loser)
        loser.ftd.send_signal(signal.SIGUSR1)
        wait(lambda: [r for r in loser.outcomes() if r["result"] == "refused"], "the refusal")
        order = loser.ftctl("failover", "--confirm-fenced")
        assert order.returncode == 4, (order.stdout, order.stderr)
        assert survivor.state() == "solo"
