"""What newer QEMUs can, and a supervisor must not be surprised by."""

from tests.e2e.checks import failed_over, forgotten_peer
from tests.e2e.harness import protected, wait
from tests.e2e.registry import on_either_where, scenario
from tests.pair import dialect


def runs_after(rig, role, end):
    victim = rig.side(role)
    end(victim)
    survivor = rig.other(victim)
    failed_over(rig, survivor, ("peer-lost", "peer-vm-gone", "replication-broken"))
    forgotten_peer(survivor)


@on_either_where(dialect.has_multifd())
def multifd_kill_qemu(role):
    with protected(multifd=True) as rig:
        runs_after(rig, role, lambda side: side.qemu.kill())


@on_either_where(dialect.has_multifd())
def multifd_freeze_host(role):
    """Nothing is closed: every connection of the migration must be broken by the plan."""
    with protected(multifd=True) as rig:
        runs_after(rig, role, lambda side: side.freeze_host())
        rig.side(role).kill_host()


def shared(thread):
    """A controller that uses it, too; where QEMU can, for its queues alone."""
    if dialect.maps_iothreads():
        return '{"driver":"virtio-scsi-pci","iothread-vq-mapping":[{"iothread":"%s"}]}' % thread
    return f"virtio-scsi-pci,iothread={thread}"


@scenario
def an_iothread_that_is_not_colos_alone():
    """The guest's own controller goes on by it after a failover; one that is nobody else's is cleaned up."""
    for device, stays in (("virtio-scsi-pci", False), (shared("iothread1"), True)):
        with protected(primary_has=("-device", device), secondary_has=("-device", "virtio-scsi-pci")) as rig:
            rig.beta.qemu.kill()
            failed_over(rig, rig.alpha, "peer-vm-gone")
            obs = rig.alpha.qemu.obs
            wait(lambda o=obs: not any("compare" in e["type"] for e in o.command("qom-list", {"path": "/objects"})), "the clean-up")
            rig.alpha.wait_log("plan and clean-up finished")
            assert ("iothread1" in [t["id"] for t in obs.command("query-iothreads")]) == stays, device
