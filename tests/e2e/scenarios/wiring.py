"""How a primary's disk leads to the peer, and what else may: what QEMU documents since 11.1, and what ftd does not know."""

from tests.e2e.checks import no_failover
from tests.e2e.harness import protected, wait
from tests.e2e.registry import on_either, scenario
from tests.e2e.scenarios import freezes, kills, orders, partition
from tests.pair import pair as colo

A_PORT = 36  # of the pair's slot, used by nobody


def with_nbd(function):
    """The same scenario with an NBD node directly under the quorum, and the same end."""
    def run(role):
        before, colo.Pair.default_wiring = colo.Pair.default_wiring, "nbd"
        try:
            function(role)
        finally:
            colo.Pair.default_wiring = before
    run.__name__ = "nbd_wiring_" + function.__name__
    return run


for same in (kills.kill_qemu, kills.kill_qemu_with_other_ids, kills.protect_again, orders.sigusr1,
             freezes.freeze_qemu_in_checkpoint, freezes.freeze_host_and_wake_it, partition.cut_off_from_peer_and_arbiter):
    on_either(with_nbd(same))


def doubted(rig, side, name):
    """Nothing is protected, and whoever asks is told what stands in the way; the peer is told that this side is not ready."""
    side.wait_state("unprotected")
    wait(lambda: name in side.status()["reason"], f"{side.node} to say that {name} is in the way")
    wait(lambda: not rig.other(side).status()["protected"], "the other side to say so, too")
    check = side.ftctl("check")
    assert check.returncode != 0 and f"{name}: " in check.stdout and "qmp.disregard" in check.stdout, check.stdout
    assert f"DOUBT    {name}: " in side.ftctl("status").stdout


@on_either
def a_chardev_that_may_lead_to_the_peer(role):
    """It is listed by query-yank, and no plan breaks it: a person must say that it does no harm, and is reminded of that."""
    with protected() as rig:
        side = rig.side(role)
        address = {"type": "inet", "data": {"host": side.qemu.address, "port": str(rig.pair.port(A_PORT))}}
        side.qemu.obs.command("chardev-add", {"id": "tail", "backend": {"type": "socket", "data": {
            "addr": address, "server": True, "wait": False}}})
        doubted(rig, side, "chardev tail")
        assert side.status()["qemu"]["disregard"] == []

        side.write_conf(qmp__disregard=["chardev tail"])
        assert side.ftctl("reload").returncode == 0
        rig.wait_protected()
        qemu = side.status()["qemu"]
        assert qemu["disregard"] == ["chardev tail"] and [d["disregarded"] for d in qemu["doubts"]] == [True], qemu
        assert "for chardev tail, by qmp.disregard" in side.ftctl("status").stdout
        check = side.ftctl("check")
        assert check.returncode == 0 and "chardev tail, by qmp.disregard" in check.stdout, check.stdout
        no_failover(rig)


@scenario
def an_nbd_connection_that_may_lead_to_the_peer():
    with protected() as rig:
        rig.alpha.qemu.obs.command("blockdev-add", {
            "driver": "nbd", "node-name": "loose", "read-only": True, "export": rig.pair.names("export", 0),
            "server": {"type": "inet", "host": rig.beta.qemu.address, "port": str(rig.pair.port(colo.NBD))}})
        doubted(rig, rig.alpha, "block-node loose")
        rig.alpha.qemu.obs.command("blockdev-del", {"node-name": "loose"})
        # QEMU says nothing of that; it is looked at as a whole every 30 s at least.
        for side in rig.sides:
            side.wait_state("protected", seconds=60)
        no_failover(rig)
