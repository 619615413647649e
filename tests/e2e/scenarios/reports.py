"""What is told to people and programs: ftctl, hook, outcome record."""

import json
import os
import resource
import signal
import socket
import subprocess

from tests.e2e.checks import HOST_DIED, failed_over, no_failover, survivor_runs, valid_outcome
from tests.e2e.harness import protected, stays, wait
from tests.e2e.registry import scenario


@scenario
def ftctl_tells_where_a_side_stands():
    with protected() as rig:
        alpha, beta = rig.sides
        for side, role in ((alpha, "primary"), (beta, "secondary")):
            asked = side.ftctl("status", "--json")
            status = json.loads(asked.stdout)
            assert asked.returncode == 0, asked
            assert (status["state"], status["role"], status["protected"]) == ("protected", role, True), status
            assert status["peer"]["node"] == rig.other(side).node and status["peer"]["alive"], status["peer"]
            assert status["qemu"]["pid"] == side.qemu.process.pid and status["qemu"]["colo_mode"] == role, status["qemu"]
            assert status["arbiter"]["type"] == "none", status["arbiter"]
            side.wait_log("WARN", "arbiter type none: nothing excludes two masters in a partition")
            assert status["last_outcome"] is None
            assert all(link["alive"] and link["received"] > 0 for link in status["links"]), status["links"]
            readable = side.ftctl("status").stdout
            assert "protected" in readable and "none" in readable, readable
            assert side.ftctl("check").returncode == 0, side.ftctl("check").stdout
            assert side.ftctl("last").returncode in (0, 1)
        assert alpha.ftctl("no-such-verb").returncode == 2
        no_failover(rig)

        beta.stop_ftd()
        assert beta.ftctl("status").returncode == 3
        alpha.wait_state("unprotected")
        assert alpha.ftctl("status").returncode == 10
        wait(lambda: alpha.ftctl("check").returncode != 0, "ftctl check to miss the peer")
        assert "FAIL" in alpha.ftctl("check").stdout
        beta.start_ftd()
        rig.wait_protected()

        beta.ftd.send_signal(signal.SIGUSR1)
        record = failed_over(rig, beta, "signal")
        alpha.wait_state("fenced")
        assert alpha.ftctl("status").returncode == 11
        assert beta.ftctl("status").returncode == 10
        last = beta.ftctl("last", "--json")
        assert last.returncode == 0 and json.loads(last.stdout) in (record, [record]), last.stdout
        told = beta.ftctl("last").stdout
        assert "signal" in told and "x-colo-lost-heartbeat" in told, told
        assert beta.status()["last_outcome"], "status does not know the outcome"


@scenario
def ftctl_works_again_after_its_socket_was_swept_away():
    with protected() as rig:
        for side in rig.sides:
            os.remove(side.control)
            assert side.ftctl("status").returncode in (3, 0)  # 0: it was made anew before ftctl came to it
            wait(lambda s=side: s.ftctl("status").returncode == 0, "the control socket to be made anew")
            side.wait_log("WARN", "was gone, and is made anew")
        no_failover(rig)


def _advice_on_every_link(side, wish):
    """What tune says, once there is an advice and each link has heard enough for it; stalls leave out some, not on both alike."""
    asked = side.ftctl(*wish, "--json")
    few = asked.returncode == 0 and any(link["heard"] <= 400 for link in json.loads(asked.stdout)["links"])
    return None if asked.returncode == 12 or few else asked


@scenario
def ftctl_tunes_by_what_the_links_have_done():
    with protected() as rig:
        # Another interval begins the figures anew: too little for a moment, then enough.
        for side in rig.sides:
            side.write_conf(heartbeat__interval_ms=10, heartbeat__lost_after=90)
        for side in rig.sides:
            assert side.ftctl("reload").returncode == 0
        early = rig.alpha.ftctl("tune", "--json")
        assert early.returncode == 12 and json.loads(early.stdout)["advice"] is None, early
        for side in rig.sides:
            wish = ["tune", "--false-alarms", "5000/hour"]
            asked = wait(lambda s=side, w=wish: _advice_on_every_link(s, w), "enough heartbeats for an advice")
            told = json.loads(asked.stdout)
            assert asked.returncode == 0 and told["verdict"] == "met", asked
            assert told["today"]["interval_ms"] == 10 and told["today"]["lost_after"] == 90, told["today"]
            assert told["advice"]["alarms_per_hour"] <= 5000 and told["data"]["alarms"] == 0, told
            for link in told["links"]:
                assert link["late_ms"]["max"] >= link["late_ms"]["p50"] >= 0, link
                assert link["rtt_ms"]["p50"] > 0, link
            # The lines to paste are lines that ftd takes.
            lines = dict(line.strip(" ;").split(" = ") for line in side.ftctl(*wish).stdout.splitlines()
                         if line.startswith("    ") and line.endswith(";"))
            side.write_conf(heartbeat__interval_ms=int(lines["interval_ms"]), heartbeat__lost_after=int(lines["lost_after"]))
            assert subprocess.run([rig.ftd, "-c", side.conf, "--check-config"], check=False).returncode == 0, lines
        no_failover(rig)


@scenario
def the_hook_hears_everything():
    with protected(hook=True) as rig:
        rig.alpha.kill_host()
        record = failed_over(rig, rig.beta, HOST_DIED)
        wait(lambda: [c for c in rig.beta.hook_calls() if c["env"]["FT_STATE"] == "solo" and c["env"]["FT_EVENT"] == "state"],
             "the hook to be told of solo")
        calls = rig.beta.hook_calls()
        states = [c["env"] for c in calls if c["env"]["FT_EVENT"] == "state"]
        assert states[0]["FT_STATE_OLD"] == "starting", states[0]
        for one, two in zip(states, states[1:], strict=False):
            assert one["FT_STATE"] == two["FT_STATE_OLD"], (one, two)
        assert [s["FT_STATE"] for s in states][-2:] == ["failing-over", "solo"], [s["FT_STATE"] for s in states]
        outcomes = [c for c in calls if c["env"]["FT_EVENT"] == "outcome"]
        assert len(outcomes) == 1 and outcomes[0]["input"] == record, outcomes
        assert outcomes[0]["env"]["FT_RESULT"] == "success"
        around = [outcomes[0]["env"][k] for k in ("FT_STATE_OLD", "FT_STATE")]
        assert around == ["failing-over", "solo"], around
        for c in calls:
            assert c["env"]["FT_PAIR"] == "e2e" and c["env"]["FT_NODE"] == "beta" and c["env"]["FT_REASON"], c["env"]
            assert {"FT_ROLE", "FT_EPOCH", "FT_RESULT"} <= set(c["env"]), c["env"]


@scenario
def the_outcome_is_on_disk_before_it_is_told():
    with protected() as rig:
        rig.alpha.qemu.kill()

        def solo():
            """Asks in quick succession; whatever it sees first must be covered by the file."""
            if rig.beta.state() != "solo":
                return False
            assert len(rig.beta.outcomes()) == 1, "solo was told before the outcome was on disk"
            return True

        wait(solo, "beta to be solo")
        failed_over(rig, rig.beta, "peer-vm-gone")


@scenario
def an_outcome_that_ftd_was_killed_before_is_made_up_for():
    """Its disk hangs, so neither the end of the session nor the outcome is on it when ftd is killed."""
    with protected(arbiter="file", hook=True) as rig:
        alpha, beta = rig.sides
        session = beta.status()["session"]["id"]
        os.kill(beta.writer(), signal.SIGSTOP)
        alpha.kill_host()
        wait(lambda: beta.qemu.colo()[0] == "none", "beta's QEMU to fail over")
        beta.kill_ftd()
        assert beta.outcomes() == [], beta.outcomes()

        beta.start_ftd()
        beta.wait_state("solo")
        survivor_runs(beta, "secondary")
        (record,) = wait(beta.outcomes, "the outcome")
        valid_outcome(record, beta)
        told = (record["session"], record["cause"], record["result"], record["claim"]["result"], record["role_before"])
        assert told == (session, "unknown", "success", "won", "secondary"), record
        assert rig.arbiter.registers() == {session: "beta"}, rig.arbiter.registers()
        assert json.loads(beta.ftctl("last", "--json").stdout) == record, record
        wait(lambda: [c for c in beta.hook_calls() if c["env"]["FT_EVENT"] == "outcome"], "the hook")

        beta.kill_ftd()
        beta.start_ftd()
        beta.wait_state("solo")
        stays(lambda: beta.outcomes() == [record], 3, "it is told once")


@scenario
def a_success_is_told_once_though_the_outcomes_were_rotated_away():
    with protected(arbiter="file", hook=True) as rig:
        beta = rig.beta
        rig.alpha.kill_host()
        record = failed_over(rig, beta, HOST_DIED)
        wait(lambda: [c for c in beta.hook_calls() if c["env"]["FT_EVENT"] == "outcome"], "the hook")
        announced = os.path.join(beta.state_dir, "announced")
        wait(lambda: os.path.exists(announced) and open(announced, encoding="ascii").read() == record["session"] + "\n",
             "it to be noted")
        for _ in range(2):
            beta.kill_ftd()
            if beta.outcomes():
                os.remove(os.path.join(beta.state_dir, "outcomes.jsonl"))
            beta.start_ftd()
            beta.wait_state("solo")
            stays(lambda: not beta.outcomes(), 3, "it is told once")
        assert len([c for c in beta.hook_calls() if c["env"]["FT_EVENT"] == "outcome"]) == 1, beta.hook_calls()


@scenario
def an_outcome_that_the_disk_did_not_take_is_written_later():
    """A limit on the size of a file is as a full disk, but for the session, which is small."""
    with protected(hook=True) as rig:
        alpha, beta = rig.sides
        resource.prlimit(beta.writer(), resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))
        alpha.kill_host()
        beta.wait_state("solo")
        beta.wait_log("the outcome is not known to be in")
        assert beta.outcomes() == [], beta.outcomes()
        resource.prlimit(beta.writer(), resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        beta.wait_log("is on disk now")
        failed_over(rig, beta, HOST_DIED)

        def told():
            return [c for c in beta.hook_calls() if c["env"]["FT_EVENT"] == "outcome"]
        wait(told, "the hook to be told of the outcome")  # it is told of one thing after the other
        assert len(told()) == 1 and told()[0]["input"] == beta.outcomes()[0], told()


@scenario
def who_asks_in_a_loop_and_a_hook_without_end_leave_the_log_readable():
    """They wrote thousands of lines a second, and gigabytes in minutes."""
    hook = {"report.hook": ["/usr/bin/yes", "said without end"], "report.hook_timeout_ms": 4000}
    with protected(settings=hook) as rig:
        side = rig.alpha
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(side.control)
            with s.makefile("rwb") as asked:
                for _ in range(3000):
                    asked.write(b'{"verb":"may-start"}\n')
                    asked.flush()
                    assert "code" in json.loads(asked.readline())
        rig.beta.stop_ftd()
        side.wait_state("unprotected")
        side.wait_log("killed after")
        side.wait_log("such lines were left out")
        rig.beta.start_ftd()
        rig.wait_protected()
        text = side.log_text()
        for line in ("may this host start the VM", "said without end"):
            n = text.count(line)
            assert 200 <= n < 800, f"{n} lines of {line}"
        assert "-> unprotected" in text and text.count("-> protected") >= 2, "a change of state was left out"
        no_failover(rig)
