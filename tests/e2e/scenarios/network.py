"""Cut links, and heartbeats that are not what they seem."""

import os
import random

from tests.e2e.checks import HOST_DIED, Calm, failed_over, no_failover
from tests.e2e.harness import protected, stays, wait
from tests.e2e.registry import on_either, scenario
from tests.e2e.scenarios.freezes import freeze_in_checkpoint

EACH = 50  # datagrams of each kind


def barrage(relay, receiver, datagrams, side):
    """Sends them all to one side, which must turn every one away."""
    before = side.rejected()
    for d in datagrams:
        relay.send(receiver, d)
    wait(lambda: side.rejected() >= before + len(datagrams), f"{receiver} to turn away {len(datagrams)} datagrams")


def enough_recorded(relay, sender):
    return wait(lambda: len(relay.recorded(sender)) > EACH and relay.recorded(sender), f"heartbeats of {sender}")[-EACH:]


def flip_a_bit(datagram, rng):
    bit = rng.randrange(8 * len(datagram))
    return datagram[:bit // 8] + bytes([datagram[bit // 8] ^ 1 << bit % 8]) + datagram[bit // 8 + 1:]


@on_either
def false_heartbeats(role):
    """Forged, truncated, changed, reflected and repeated ones are counted, and otherwise do not exist."""
    with protected(relay=True, settings={"heartbeat.interval_ms": 50, "heartbeat.lost_after": 40}) as rig:
        side, peer = rig.side(role), rig.other(rig.side(role))
        relay, rng = rig.relays[0], random.Random(7)
        theirs, own = enough_recorded(relay, peer.node), enough_recorded(relay, side.node)
        calm = Calm(rig)
        barrage(relay, side.node, [rng.randbytes(rng.randrange(1, 300)) for _ in range(EACH)], side)
        barrage(relay, side.node, [d[:-16] + os.urandom(16) for d in theirs], side)
        barrage(relay, side.node, [d[:rng.randrange(1, len(d))] for d in theirs], side)
        barrage(relay, side.node, [flip_a_bit(d, rng) for d in theirs], side)
        barrage(relay, side.node, own, side)
        barrage(relay, side.node, theirs, side)
        barrage(relay, side.node, [d + b"\0" for d in theirs], side)
        calm.check()
        no_failover(rig)


@scenario
def heartbeats_of_an_earlier_life():
    """What a peer's ftd said before it was restarted must not count once it is back, nor put it back."""
    with protected(relay=True) as rig:
        relay = rig.relays[0]
        old = enough_recorded(relay, "beta")
        rig.beta.kill_ftd()
        rig.alpha.wait_state("unprotected", "suspect")
        for d in old:
            relay.send("alpha", d)
        rig.alpha.wait_state("unprotected")
        rig.beta.start_ftd()
        rig.wait_protected()
        calm = Calm(rig)
        barrage(relay, "alpha", old, rig.alpha)
        calm.check(for_seconds=1)
        no_failover(rig)


@scenario
def silence_under_a_flood_of_replays():
    """Old heartbeats in any number do not keep a dead peer alive."""
    with protected(relay=True) as rig:
        relay = rig.relays[0]
        old = enough_recorded(relay, "alpha")
        for r in rig.relays:
            r.cut = True

        def flood():
            for d in old:
                relay.send("beta", d)
            return rig.beta.state()

        rejected = rig.beta.rejected()
        wait(lambda: flood() == "unprotected", "beta to notice the silence")
        assert rig.beta.rejected() > rejected
        rig.alpha.kill_host()
        wait(lambda: flood() == "solo", "beta to fail over")
        failed_over(rig, rig.beta, HOST_DIED)


@scenario
def heartbeats_cut_while_replication_lives():
    """Checkpoints that complete prove that both hosts live: an alarm, no failover, and it heals."""
    with protected(relay=True) as rig:
        for r in rig.relays:
            r.cut = True
        for s in rig.sides:
            s.wait_state("unprotected")
        stays(lambda: [s.state() for s in rig.sides] == ["unprotected"] * 2, 4, "both unprotected")
        no_failover(rig)
        for s in rig.sides:
            s.wait_log("unprotected", "WARN")
        for r in rig.relays:
            r.cut = False
        rig.wait_protected()
        no_failover(rig)


@scenario
def one_link_of_two_cut():
    """No failover; but whoever has set up two links is told that there is one left, and when there are two again."""
    with protected(relay=True, hook=True) as rig:
        def told(side, word):
            return [c for c in side.hook_calls() if c["env"]["FT_EVENT"] == "link" and f" is {word}" in c["env"]["FT_REASON"]]

        calm = Calm(rig)
        rig.relays[0].cut = True
        for s in rig.sides:
            wait(lambda s=s: [link["alive"] for link in s.status()["links"]] == [False, True], f"{s.node} to miss link 0")
            s.wait_log("WARN", "link 1, ", "is down: nothing heard")
            wait(lambda s=s: told(s, "down"), f"{s.node}'s hook to be told")
            assert told(s, "down")[-1]["input"]["links"][0]["state"] == "down", told(s, "down")
            assert "nothing heard" in s.ftctl("status").stdout
        calm.check(for_seconds=1)
        rig.relays[0].cut = False
        for s in rig.sides:
            wait(lambda s=s: told(s, "up"), f"{s.node}'s hook to be told that it is back")
        no_failover(rig)


@scenario
def what_is_wrong_with_a_link_is_said():
    """The same node name, the links in another order, another port: by log, status and check, and no longer once it is mended."""
    with protected() as rig:
        beta, links = rig.beta, rig.beta.settings()["heartbeat.links"]
        port = links[0]["peer"].rpartition(":")
        elsewhere = ({"local": links[0]["local"], "peer": f"{port[0]}:{int(port[2]) + 7}"}, *links[1:])
        mistakes = [({"node": "alpha"}, "the same node name"), ({"heartbeat__links": links[::-1]}, "of another link")]
        for mistake, words in mistakes:
            beta.stop_ftd()
            beta.write_conf(**mistake)
            beta.start_ftd()
            for s in rig.sides:
                wait(lambda s=s, w=words: w in (s.status()["links"][0]["trouble"] or ""), f"{s.node}'s status to say {words}")
                s.wait_log("WARN", "link 1, ", words)
                told = s.ftctl("check").stdout
                assert "FAIL  link 1" in told and words in told, told
                assert words in s.ftctl("status").stdout
        beta.stop_ftd()
        beta.write_conf(heartbeat__links=elsewhere)
        beta.start_ftd()
        wait(lambda: "nobody listens" in (rig.alpha.status()["links"][0]["trouble"] or ""), "alpha to be told that it is refused")
        wait(lambda: "nobody listens" in (beta.status()["links"][0]["trouble"] or ""), "beta to be told that it is refused")
        beta.stop_ftd()
        beta.write_conf()
        beta.start_ftd()
        rig.wait_protected()
        for s in rig.sides:
            wait(lambda s=s: all(link["state"] == "up" for link in s.status()["links"]), "all links to be up")
        no_failover(rig)


@scenario
def a_link_that_is_not_there():
    """One of the two names an interface that this host has not: ftd starts, the pair is protected, and every verb works."""
    def lacks(side):
        text = open(side.conf, encoding="utf-8").read()
        at = text.index("links = (")
        open(side.conf, "w", encoding="utf-8").write(
            text[:at] + text[at:].replace("links = (", 'links = ( { local = "[fe80::1%nosuchif]:7400"; '
                                          'peer = "[fe80::2%nosuchif]:7400"; }, ', 1))

    with protected() as rig:
        for s in rig.sides:
            s.stop_ftd()
            lacks(s)
        for s in rig.sides:
            s.start_ftd()
        rig.wait_protected()
        for s in rig.sides:
            s.wait_log("link 1: cannot bind [fe80::1%nosuchif]:7400")
            first, *others = s.status()["links"]
            assert first["state"] == "down" and "No such device" in first["trouble"], first
            assert all(link["alive"] for link in others), others
            check = s.ftctl("check")
            assert "FAIL  link 1" in check.stdout and "ok    state" in check.stdout, check.stdout
            assert s.ftctl("reload").returncode == 0, s.log_text()
        no_failover(rig)
        assert rig.beta.ftctl("failover").returncode == 0
        failed_over(rig, rig.beta, "operator")


@scenario
def replication_cut_while_heartbeats_flow():
    """The primary goes on alone, the secondary yields."""
    with protected(relay_migration=True) as rig:
        rig.pair.migration_relay.cut()
        failed_over(rig, rig.alpha, "replication-broken")
        rig.beta.wait_state("fenced")
        wait(rig.beta.qemu.gone, "beta's QEMU to be ended")


@on_either
def replication_cut_in_a_checkpoint_while_an_ftd_is_away(role):
    """Nobody is bound then, and the primary's QEMU may keep its guest stopped until it is told to fail over."""
    with protected(relay_migration=True) as rig:
        away = rig.side(role)
        away.stop_ftd()
        rig.other(away).wait_state("unprotected")
        freeze_in_checkpoint(rig.beta.qemu, rig.alpha.qemu)
        rig.pair.migration_relay.cut()
        rig.beta.qemu.wake()
        wait(lambda: rig.alpha.qemu.obs.command("query-status")["status"] == "colo", "the guest to stand")
        away.start_ftd()
        failed_over(rig, rig.alpha, "replication-broken")
        rig.beta.wait_state("fenced")
        wait(rig.beta.qemu.gone, "beta's QEMU to be ended")
