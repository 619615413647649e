"""A power switch: behind a won claim, or as the arbiter itself.  Who is powered off, and when."""

import contextlib

from tests.e2e.checks import HOST_DIED, failed_over, only_one_runs, survivor_runs
from tests.e2e.harness import protected, stays, wait
from tests.e2e.registry import BOTH, scenario
from tests.e2e.scenarios.arbiter import held, only_the_sentinel_acts
from tests.e2e.watch import Watch
from tests.pair import processes

KINDS = ("file and fence", "fence")
SLOW_S = 1.5


def with_each_switch(function):
    """Registers a test for each kind of arbiter and each role that something happens to."""
    for kind in KINDS:
        for role in BOTH:
            def run(kind=kind, role=role):
                function(kind, role)
            run.__name__ = f"{function.__name__}[{kind.replace(' ', '-')},{role}]"
            scenario(run)
    return function


def wire(rig):
    """Each side's processes hang on its switch."""
    for s in rig.sides:
        rig.arbiter.switches[s.node].feeds([*processes.children(s.ftd.pid), s.ftd.pid, s.qemu.process.pid])


def powered_off(rig):
    """{node: how often}"""
    return {s.node: rig.arbiter.switches[s.node].used() for s in rig.sides}


@with_each_switch
def a_silent_host_is_powered_off_before_the_guest_goes_on(kind, role):
    """Frozen as a whole, it could wake up at any time.  Its guest is nobody's once the switch is off, not before."""
    with protected(arbiter=kind) as rig, Watch(rig):
        victim, survivor = rig.side(role), rig.other(rig.side(role))
        wire(rig)
        rig.arbiter.switches[victim.node].takes(SLOW_S)
        victim.freeze_host()
        record = failed_over(rig, survivor, HOST_DIED)
        assert record["claim"]["ms"] >= SLOW_S * 1000, record["claim"]
        assert victim.qemu.gone(), f"{victim.node}'s QEMU survived the power-off"
        assert powered_off(rig) == {victim.node: 1, survivor.node: 0}, powered_off(rig)


@with_each_switch
def a_switch_that_fails_holds_the_survivor(kind, role):
    """Whether the other host is off is not known, so nobody goes on; it is tried again, and once it works, that is that."""
    with protected(arbiter=kind) as rig, Watch(rig):
        victim, survivor = rig.side(role), rig.other(rig.side(role))
        wire(rig)
        switch = rig.arbiter.switches[victim.node]
        switch.breaks()
        victim.freeze_host()
        held(survivor)
        survivor.wait_log("WARN", "the plug is stuck")
        assert not [r for r in survivor.outcomes() if r["result"] == "success"], survivor.outcomes()
        wait(lambda: switch.tried() >= 2, "it to be tried again")
        switch.mended()
        failed_over(rig, survivor, HOST_DIED)
        assert powered_off(rig) == {victim.node: 1, survivor.node: 0}, powered_off(rig)
        tries = switch.tried()
        stays(lambda: switch.tried() == tries, 2, "a host that is off is left alone")


@scenario
def a_win_without_its_fence_is_one_after_a_restart():
    """Only the fence, the other side's word or a person that vouches lets the guest go on; an order alone does not."""
    with protected(arbiter="file and fence") as rig, Watch(rig):
        wire(rig)
        switch = rig.arbiter.switches["alpha"]
        switch.breaks()
        rig.alpha.freeze_host()
        held(rig.beta)
        assert rig.beta.session_stage() == "unfenced", rig.beta.session_stage()
        rig.beta.kill_ftd()
        tries = switch.tried()
        rig.beta.start_ftd()
        wait(lambda: switch.tried() > tries, "the next ftd to try the fence")
        held(rig.beta)
        order = rig.beta.ftctl("failover")
        assert order.returncode == 1 and "the plug is stuck" in order.stdout + order.stderr, (order.stdout, order.stderr)
        assert not [r for r in rig.beta.outcomes() if r["result"] == "success"], rig.beta.outcomes()
        switch.mended()
        failed_over(rig, rig.beta, (*HOST_DIED, "operator"))
        assert powered_off(rig) == {"alpha": 1, "beta": 0}, powered_off(rig)


@scenario
def a_person_vouches_where_the_switch_behind_a_register_fails():
    with protected(arbiter="file and fence") as rig:
        rig.arbiter.switches["alpha"].breaks()
        rig.alpha.kill_host()
        held(rig.beta)
        order = rig.beta.ftctl("failover", "--confirm-fenced")
        assert order.returncode == 0, (order.stdout, order.stderr)
        rig.beta.wait_state("solo")
        survivor_runs(rig.beta, "secondary")


@contextlib.contextmanager
def switches_that_lie():
    """They say that the power is off, behind a register; at the end, they were asked and nobody was powered off."""
    with protected(arbiter="file and fence", relay=True) as rig, Watch(rig):
        for switch in rig.arbiter.switches.values():
            switch.lies()
        wire(rig)
        yield rig
        assert sum(s.tried() for s in rig.arbiter.switches.values()) == 1, "one was asked, once"
        assert not any(powered_off(rig).values()), powered_off(rig)


@scenario
def behind_a_register_the_lease_holds_where_the_switch_lies():
    """The side that was told to be off is alive, but its guest stands still: no two masters, though the agent is believed."""
    with switches_that_lie() as rig:
        only_the_sentinel_acts(rig)


@scenario
def behind_a_register_one_goes_on_where_both_switches_lie():
    """Neither hears the other, both live, and each would believe that the other is off."""
    with switches_that_lie() as rig:
        for r in rig.relays:
            r.cut = True
        survivor, loser = only_one_runs(rig)
        loser.wait_state("fenced")
        wait(loser.qemu.gone, f"{loser.node}'s QEMU to be ended")
        assert list(rig.arbiter.registers().values()) == [survivor.node], rig.arbiter.registers()


@scenario
def a_person_vouches_where_the_switch_fails():
    with protected(arbiter="fence") as rig:
        rig.arbiter.switches["alpha"].breaks()
        rig.alpha.kill_host()
        held(rig.beta)
        order = rig.beta.ftctl("failover", "--confirm-fenced")
        assert order.returncode == 0, (order.stdout, order.stderr)
        rig.beta.wait_state("solo")
        survivor_runs(rig.beta, "secondary")


@scenario
def two_that_would_shoot_each_other():
    """Neither hears the other, both live, each has the other's switch.  delay_ms of one lets the other be first."""
    with protected(arbiter="fence", relay=True) as rig:
        rig.beta.stop_ftd()
        rig.beta.write_conf(fence__delay_ms=4000)
        rig.beta.start_ftd()
        rig.wait_protected()
        wire(rig)
        with Watch(rig):
            for r in rig.relays:
                r.cut = True
            wait(lambda: any(powered_off(rig).values()), "one host to be powered off")
            loser = next(s for s in rig.sides if powered_off(rig)[s.node])
            survivor = rig.other(loser)
            survivor.wait_state("solo")
            survivor_runs(survivor, "primary" if survivor is rig.alpha else "secondary")
            stays(lambda: powered_off(rig) == {survivor.node: 0, loser.node: 1}, 5, "no shot from beyond the grave")
            assert loser.qemu.gone() and loser.ftd.poll() is not None


@scenario
def all_is_well_and_nobody_is_powered_off():
    """Not by a restart of an ftd, nor by one that takes its leave, nor by a new pair."""
    with protected(arbiter="file and fence") as rig:
        rig.alpha.stop_ftd()
        rig.alpha.start_ftd()
        rig.wait_protected()
        for s in rig.sides:
            s.stop_ftd()
        for s in rig.sides:
            s.start_ftd()
        rig.wait_protected()
        assert powered_off(rig) == {"alpha": 0, "beta": 0}, powered_off(rig)


@with_each_switch
def who_says_itself_that_it_is_out_is_not_powered_off(kind, role):
    """Its QEMU has died; its ftd lives and says so.  Whatever else that host does is not to be ended with it."""
    with protected(arbiter=kind) as rig:
        victim, survivor = rig.side(role), rig.other(rig.side(role))
        victim.qemu.kill()
        failed_over(rig, survivor, "peer-vm-gone")
        stays(lambda: not any(powered_off(rig).values()), 1, "nobody is powered off")


@with_each_switch
def who_yields_is_not_powered_off(kind, role):
    """A switchover: both hosts are well, before and after."""
    with protected(arbiter=kind) as rig:
        side = rig.side(role)
        order = side.ftctl("failover")
        assert order.returncode == 0, (order.stdout, order.stderr)
        failed_over(rig, side, "operator")
        stays(lambda: not any(powered_off(rig).values()), 1, "nobody is powered off")


@scenario
def with_the_switch_as_arbiter_a_survivor_is_protected_again():
    """There is no register that could tell the loser who has won; the winner itself can."""
    with protected(arbiter="fence") as rig:
        rig.alpha.qemu.kill()
        failed_over(rig, rig.beta, "peer-vm-gone")
        rig.pair.start_secondary(rig.alpha.qemu, rig.beta.qemu)
        rig.wait_protected()


@scenario
def a_check_asks_the_power_switch():
    """A switch that cannot be worked would hold the survivor; that is to be known before, however long it takes to say no."""
    for kind in KINDS:
        with protected(arbiter=kind) as rig:
            switch = rig.arbiter.switches["beta"]
            check = rig.alpha.ftctl("check")
            assert check.returncode == 0, check.stdout
            switch.breaks()
            switch.takes(3)
            check = rig.alpha.ftctl("check")
            assert check.returncode == 1 and "the plug is stuck" in check.stdout, check.stdout
            assert switch.tried() == 0 and rig.alpha.state() == "protected"
            if kind == KINDS[0]:
                switch.takes(60)
                check = rig.alpha.ftctl("check")
                assert check.returncode == 1 and "not done after 11000 ms" in check.stdout, check.stdout


@scenario
def a_new_pair_after_a_power_cut_powers_nobody_off():
    """Both hosts died at once, and a person has begun anew on both: what the old session was is settled without a shot."""
    with protected(arbiter="file and fence") as rig:
        for s in rig.sides:
            s.ftd.kill()
        for s in rig.sides:
            s.qemu.kill()
        rig.pair.up()
        for s in rig.sides:
            s.start_ftd()
        rig.wait_protected()
        assert powered_off(rig) == {"alpha": 0, "beta": 0}, powered_off(rig)
