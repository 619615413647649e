"""Two hosts that do not share what they must share, a register that is put back, and a guest started on the wrong side."""

import base64
import contextlib
import http.client
import json
import os
import shutil
import socket
import tempfile

from tests.e2e.checks import HOST_DIED, failed_over, survivor_runs
from tests.e2e.harness import Rig, Skip, protected, stays, wait
from tests.e2e.registry import on_either, scenario
from tests.pair import processes

UNPROTECTED = 10  # ftctl's exit code
MARK = "The pair before the @ keeps its claims here.  Written by ftd; leave it.\n"


class Etcd:
    """A real one on this machine's loopback."""

    def __init__(self, directory):
        if not shutil.which("etcd"):
            raise Skip("etcd is needed (Debian: etcd-server)")
        self.port, peers = _free_port(), _free_port()
        url = f"http://127.0.0.1:{self.port}"
        self.process = processes.spawn(
            ["etcd", "--data-dir", directory, "--listen-client-urls", url, "--advertise-client-urls", url,
             "--listen-peer-urls", f"http://127.0.0.1:{peers}"], directory + ".log")
        processes.wait_until(lambda: self.ask("/v3/maintenance/status", {}), "etcd to answer")

    def settings(self, prefix="/ftd/"):
        return {"arbiter.type": "etcd", "arbiter.prefix": prefix, "arbiter.endpoints": [f"http://127.0.0.1:{self.port}"]}

    def ask(self, path, body):
        try:
            client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            client.request("POST", path, json.dumps(body))
            return json.loads(client.getresponse().read())
        except OSError:
            return None

    def registers(self):
        reply = self.ask("/v3/kv/range", {"key": _coded("/"), "range_end": _coded("0")})
        keys = [base64.b64decode(kv["key"]).decode() for kv in reply.get("kvs", [])]
        return [k for k in keys if "@" not in k and "check-" not in k]


class Unequal:
    """Each side has settings of its own."""
    kind = "unequal"

    def __init__(self, alpha, beta, registers):
        self._settings, self.registers = {"alpha": alpha, "beta": beta}, registers

    def settings(self, node):
        return self._settings[node]

    def is_met(self):
        return True


class UnequalRig(Rig):
    def wait_protected(self):
        """They never are."""


def _free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def _coded(text):
    return base64.b64encode(text.encode()).decode()


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="ftd-e2e-sharing.") as path:
        yield path


def alarms(side):
    return [a["alarm"] for a in side.status()["alarms"]]


def alarm_calls(side, name, what):
    return [c for c in side.hook_calls()
            if c["env"]["FT_EVENT"] == "alarm" and c["env"]["FT_RESULT"] == what and c["input"]["alarm"] == name]


def never_protected(arbiter, *both_say, alarm=True):
    """Neither side says protected; both name what differs, with both values; and no cut and no death makes two masters."""
    with protected(rig_type=UnequalRig, arbiter=arbiter, hook=True) as rig:
        for s in rig.sides:
            wait(lambda s=s: all(w in (s.status()["reason"] or "") for w in both_say), f"{s.node} to say what differs")
            assert s.ftctl("status").returncode == UNPROTECTED, s.status()
            text = s.ftctl("status").stdout
            assert "UNSHARED" in text and all(w in text for w in both_say), text
            check = s.ftctl("check")
            assert check.returncode == 1, check
            line = next(row for row in json.loads(s.ftctl("--json", "check").stdout)["checks"] if row["name"] == "shared")
            assert line["result"] == "FAIL" and all(w in line["detail"] for w in both_say), line
            assert not alarm or "not-shared" in alarms(s), s.status()["alarms"]
            wait(lambda s=s: alarm_calls(s, "not-shared", "raised"), f"{s.node}'s hook to hear of it")
            assert not any(c["env"].get("FT_STATE") == "protected" for c in s.hook_calls()), s.hook_calls()
        rig.alpha.kill_host()
        stays(lambda: rig.beta.state() == "unprotected", 4, "a side that was never protected takes nothing over")
        assert not arbiter.registers(), arbiter.registers()


@scenario
def etcd_of_another_prefix():
    with folder() as path:
        etcd = Etcd(os.path.join(path, "etcd"))
        try:
            never_protected(Unequal(etcd.settings("/ftd/"), etcd.settings("/other/"), etcd.registers), "/ftd/", "/other/")
        finally:
            processes.kill(etcd.process)


@scenario
def an_etcd_each():
    with folder() as path:
        both = [Etcd(os.path.join(path, f"etcd{i}")) for i in range(2)]
        try:
            never_protected(Unequal(*(e.settings() for e in both), lambda: [r for e in both for r in e.registers()]),
                            *(str(e.port) for e in both))
        finally:
            for e in both:
                processes.kill(e.process)


@scenario
def a_copied_folder_with_its_marks():
    with folder() as path:
        both = [os.path.join(path, name) for name in ("shared", "copy")]
        os.mkdir(both[0])
        for node in ("alpha", "beta"):
            with open(os.path.join(both[0], "e2e@" + node), "w", encoding="ascii") as f:
                f.write("mark 0123456789abcdef\n" + MARK)
        shutil.copytree(both[0], both[1])

        def registers():
            return [name for b in both for name in os.listdir(b) if len(name) == 32]
        never_protected(Unequal(*({"arbiter.type": "file", "arbiter.path": b} for b in both), registers), *both)


@scenario
def no_arbiter_here_and_a_folder_there():
    with folder() as path:
        shared = os.path.join(path, "shared")
        os.mkdir(shared)
        never_protected(Unequal({"arbiter.type": "none"}, {"arbiter.type": "file", "arbiter.path": shared},
                                lambda: [n for n in os.listdir(shared) if len(n) == 32]), "none", "file")


@scenario
def both_have_proven_that_they_share_it():
    with protected(arbiter="file") as rig:
        for s in rig.sides:
            assert s.status()["arbiter"]["shared"] == "proven", s.status()["arbiter"]
            line = next(row for row in json.loads(s.ftctl("--json", "check").stdout)["checks"] if row["name"] == "shared")
            assert line["result"] == "ok", line


# ---- a register that is put back ----

@scenario
def a_winner_looks_after_its_register():
    """The folder is put back to before the claim, and then somebody else stands there."""
    with protected(arbiter="file", hook=True) as rig:
        rig.alpha.kill_host()
        failed_over(rig, rig.beta, HOST_DIED)
        (session,) = rig.arbiter.registers()
        register = os.path.join(rig.arbiter.path, session)
        os.unlink(register)
        wait(lambda: rig.arbiter.registers() == {session: "beta"}, "beta's name to stand there again", 60)
        rig.beta.wait_log("ERROR", "put back to an earlier state")
        assert alarms(rig.beta) == []
        os.unlink(register)
        with open(register, "w", encoding="ascii") as f:
            f.write("claimed by alpha at 2026-11-28T12:00:00Z\n")
        wait(lambda: alarms(rig.beta) == ["register"], "beta to raise an alarm", 60)
        assert "names alpha" in rig.beta.status()["alarms"][0]["evidence"], rig.beta.status()["alarms"]
        assert "ALARM" in rig.beta.ftctl("status").stdout
        check = rig.beta.ftctl("check")
        assert check.returncode == 1 and "alarm register" in check.stdout, check.stdout
        wait(lambda: alarm_calls(rig.beta, "register", "raised"), "the hook to hear of it")
        assert rig.beta.state() == "solo"
        survivor_runs(rig.beta, "secondary")


# ---- a guest on the side that lost ----

def lost(rig, role):
    """(loser, winner) after a failover."""
    loser = rig.side(role)
    winner = rig.other(loser)
    loser.qemu.kill()
    failed_over(rig, winner, "peer-vm-gone", claim="won" if rig.arbiter.kind != "none" else "not-needed")
    return loser, winner


def booted_beside_the_winner(role, arbiter):
    """Started by hand, without may-start: both sides cry, and it is ended."""
    with protected(arbiter=arbiter, hook=True) as rig:
        loser, winner = lost(rig, role)
        wait(lambda: loser.state() in ("unprotected", "fenced"), f"{loser.node} to be out")
        rig.pair.boot(loser.qemu)
        wait(loser.qemu.gone, f"{loser.node}'s QEMU to be ended")
        loser.wait_state("fenced")
        for s in rig.sides:
            s.wait_log("ERROR", "TWO MASTERS")
            wait(lambda s=s: alarm_calls(s, "two-masters", "raised") and alarm_calls(s, "two-masters", "cleared"),
                 f"{s.node}'s hook to hear of it and of its end")
            assert alarms(s) == [], s.status()["alarms"]
        assert winner.state() == "solo"
        survivor_runs(winner, "primary" if role == "secondary" else "secondary")


def booted_unseen(role, arbiter):
    """It ran before ftd came: it may hold what nobody else has, so it is not touched, and both sides cry until a person has decided."""
    with protected(arbiter=arbiter, hook=True) as rig:
        loser, winner = lost(rig, role)
        loser.stop_ftd()
        rig.pair.boot(loser.qemu)
        loser.start_ftd()
        for s in rig.sides:
            wait(lambda s=s: alarms(s) == ["two-masters"], f"{s.node} to raise an alarm")
            text = s.ftctl("status").stdout
            assert "ALARM" in text and "TWO MASTERS" in text, text
            check = s.ftctl("check")
            assert check.returncode == 1 and "alarm two-masters" in check.stdout, check.stdout
            wait(lambda s=s: alarm_calls(s, "two-masters", "raised"), f"{s.node}'s hook to hear of it")
        stays(lambda: not loser.qemu.gone() and not loser.qemu.stopped(), 5, "what ran before is left to a person")
        loser.qemu.kill()
        for s in rig.sides:
            wait(lambda s=s: alarms(s) == [], f"{s.node}'s alarm to be over")
        assert winner.state() == "solo"


for function in (booted_beside_the_winner, booted_unseen):
    for kind in ("none", "file"):
        def run(role, function=function, kind=kind):
            function(role, kind)
        run.__name__ = f"{function.__name__}_{kind}"
        on_either(run)
