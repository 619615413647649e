"""Plays one script on a real pair of QEMUs.

Knows: the scripts' words (explained in scripts), what each one means for two real processes.  Must not know: the model.
"""

import contextlib
import json
import signal
import threading
import time

from tests.e2e import network
from tests.pair import processes
from tests.pair.monitor import Monitor, QmpError, QmpTimeout
from tests.pair.pair import Pair

BUSY = 1.0  # seconds that a real QEMU gets on top of every bound: this machine may be busy with other things
ASKED = 0.3  # seconds until a question counts as not answered
COUNTED = 0.4  # seconds in which a guest that runs counts aloud; it does so 20 times a second
FIRST = 0.1  # seconds until all events of the beginning have come in
CHECKPOINT_REPLY = (2).to_bytes(4, "big")  # COLOMessage of QEMU's qapi/migration.json; so is the next
VMSTATE_SEND = (3).to_bytes(4, "big")
NETWORK_VERBS = {"silence", "restore", "crash", "boot"}  # take a cable that can be pulled
RELAY_VERBS = {"close", "catch"}  # take a hand on the connection


class Catcher:
    """Stops one side's QEMU in the middle of a checkpoint, by what passes through the relay.

    A secondary: when it has agreed to the checkpoint, and the primary is about to stop its guest and flush its disks.
    A primary: when it has announced its memory, and the secondary is about to wait for that.
    """

    def __init__(self, qemu, is_primary):
        self._qemu, self._is_primary = qemu, is_primary
        self._moment = VMSTATE_SEND if is_primary else CHECKPOINT_REPLY
        self._caught, self._released = threading.Event(), threading.Event()

    def in_pieces(self, from_primary, data):
        """Of what was sent before the stop, the other side gets no more than the message of the moment."""
        if self._caught.is_set():
            self._released.wait()
            yield data
        elif from_primary == self._is_primary and data.startswith(self._moment):
            self._qemu.process.send_signal(signal.SIGSTOP)
            self._caught.set()
            yield data[:len(self._moment)]
            self._released.wait()
            yield data[len(self._moment):]
        else:
            yield data

    def wait(self):
        if not self._caught.wait(10):
            raise TimeoutError("waited 10 s for a checkpoint to be in its middle")

    def release(self, qemu):
        """Something is done to this one."""
        if qemu is self._qemu:
            self._released.set()


class Side:
    def __init__(self, node, qemu, steps):
        self.node, self.qemu, self._steps = node, qemu, steps
        self.connect()
        self._pending = {}  # of the last order: {id: channel}, in the order in which they were sent
        self._refused = False
        self._number = 0
        self._acted = 0  # number of events at the last act

    def connect(self):
        self._asks = Monitor(self.qemu.qmp_socket)
        self._orders = {"qmp": Monitor(self.qemu.watch_socket), "oob": Monitor(self.qemu.oob_socket, oob=True)}

    # acts

    def act(self):
        self._acted = self._events()

    def order(self, command, what=None):
        """As the plan: yanks out of band, all others one after the other, in the order of the plan."""
        chosen = [s for s in self._steps if command == "plan" or (s.command == command and what in (None, s.what))]
        assert chosen, f"the plan has no step {command} {what or ''}"
        self._pending, self._refused = {}, False
        for step in chosen:
            self._send(step.channel, self._as_here(json.loads(step.request)))

    def checkpoint(self):
        """Not waited for."""
        self._number += 1
        every = {"x-checkpoint-delay": self.qemu.pair.checkpoint_ms}
        probe = {"execute": "migrate-set-parameters", "arguments": every, "id": f"probe-{self._number}"}
        self._orders["qmp"].send(probe)

    def signal(self, number):
        self.qemu.process.send_signal(number)

    def _send(self, channel, request):
        self._number += 1
        request["id"] = f"order-{self._number}"
        self._pending[request["id"]] = channel
        with contextlib.suppress(QmpTimeout):  # nobody is there: then nobody answers
            self._orders[channel].send(request)

    def _as_here(self, request):
        """The plan is that of a recorded pair; what QEMU made up for that one, or is wired otherwise, has another name here."""
        arguments, pair = request.get("arguments", {}), self.qemu.pair
        if pair.wiring == "nbd" and arguments.get("node-name") == pair.names("replication", 0):
            arguments["node-name"] = pair.names("nbd", 0)
        if arguments.get("parent", "").startswith("#"):
            arguments["parent"] = pair.names("disk", 0)
        return request

    # what is seen

    def see(self, thing):
        return getattr(self, "_see_" + thing)()

    def _events(self):
        if self.qemu.gone():
            return len(self.qemu.obs.events)
        return self.qemu.obs.drain()

    def _see_process(self):
        if self.qemu.gone():
            return "gone"
        return "stopped" if self.qemu.stopped() else "runs"

    def _ask(self, command, seconds=ASKED):
        try:
            return self._asks.command(command, seconds=seconds)
        except QmpTimeout:
            return None

    def _see_answers(self):
        return "yes" if self._ask("query-status") else "no"

    def _see_oob(self):
        self._number += 1
        name = f"oob-{self._number}"
        try:
            self._orders["oob"].send({"exec-oob": "query-yank", "id": name})
            self._orders["oob"].reply(name, ASKED, "query-yank")
        except QmpTimeout:
            return "no"
        return "yes"

    def _see_colo(self):
        status = self._ask("query-colo-status")
        return f"{status['mode']}/{status['last-mode']}" if status else "silent"

    def _see_exits(self):
        self._events()
        return str(sum(e["event"] == "COLO_EXIT" for e in self.qemu.obs.events))

    def _see_checkpoint(self):
        """Both sides stop for it, and go on when it is through."""
        self._events()
        return "yes" if any(e["event"] == "RESUME" for e in self.qemu.obs.events[self._acted:]) else "no"

    def _see_master(self):
        """It runs the guest, and not as a secondary, whose guest says nothing to the world."""
        if self._see_process() != "runs":
            return "no"
        before = self.qemu.counter()
        try:
            processes.wait_until(lambda: self.qemu.counter() > before, "the guest", COUNTED)
        except TimeoutError:
            return "no"
        return "no" if self._see_colo().startswith(("secondary", "none/none")) else "yes"

    def _see_reply(self):
        for request, channel in list(self._pending.items()):
            try:
                self._orders[channel].reply(request, 0.02, request)
            except QmpTimeout:
                return "silent"
            except QmpError:
                self._refused = True
            del self._pending[request]
        return "error" if self._refused else "ok"


class Player:
    """A pair, up and in COLO."""

    def __init__(self, script, steps, stack):
        verbs = {line.words[0] for line in script.lines}
        every = next((int(line.words[1]) for line in script.lines if line.words[0] == "every"), 300)
        self._network = network.Network() if verbs & NETWORK_VERBS else None
        where = {"hosts": self._network.hosts()} if self._network else {}
        self._pair = stack.enter_context(Pair(checkpoint_ms=every, relay_migration=bool(verbs & RELAY_VERBS), **where))
        self._pair.up()
        time.sleep(FIRST)
        qemus = {"alpha": self._pair.a, "beta": self._pair.b}
        self._sides = {n: Side(n, q, [s for s in steps if s.node == n]) for n, q in qemus.items()}
        self._catcher = None
        for s in self._sides.values():
            s.act()

    def play(self, line):
        """-> (value, ms) for an observation, else None"""
        verb, *words = line.words
        if verb == "wait":
            time.sleep(float(words[0]) / 1000)
        elif verb == "see":
            return self._sides[words[0]].see(words[1]), 0.0
        elif verb == "within":
            return self._await(float(words[0]) / 1000, self._sides[words[1]], words[2], line.expected)
        elif verb == "given":
            seen = self._sides[words[0]].see(words[1])
            assert seen == line.expected, f"scripts:{line.number}: {' '.join(line.words)}: it is {seen}"
        elif verb != "every":
            for s in self._sides.values():
                s.act()
            self._act(verb, words)
        return None

    def _await(self, seconds, side, thing, value):
        began = time.monotonic()
        while True:
            seen = side.see(thing)
            took = time.monotonic() - began
            if seen == value or took > seconds + BUSY:
                return seen, took * 1000
            time.sleep(0.001)

    def _act(self, verb, words):
        if verb in ("silence", "restore"):
            (self._network.pull if verb == "silence" else self._network.plug)("colo")
        elif verb == "close":
            self._pair.migration_relay.cut()
        else:
            side = self._sides[words[0]]
            if self._catcher:
                self._catcher.release(side.qemu)
            getattr(self, "_" + verb)(side, *words[1:])

    def _kill(self, side):
        side.qemu.kill()

    def _end(self, side):
        side.signal(signal.SIGTERM)

    def _stop(self, side):
        side.signal(signal.SIGSTOP)

    def _cont(self, side):
        side.signal(signal.SIGCONT)

    def _catch(self, side):
        primary = self._sides["alpha"]
        self._catcher = Catcher(side.qemu, side is primary)
        self._pair.migration_relay.in_pieces = self._catcher.in_pieces
        primary.checkpoint()
        self._catcher.wait()

    def _rebuild(self, side):
        survivor, = (s for s in self._sides.values() if s is not side)
        self._pair.start_secondary(side.qemu, survivor.qemu)
        side.connect()
        time.sleep(FIRST)
        for s in self._sides.values():
            s.act()

    def _checkpoint(self, side):
        side.checkpoint()

    def _order(self, side, *words):
        side.order(*words)

    def _crash(self, side):
        """Nobody is left there to say that the connections are gone."""
        self._network.pull("colo")
        side.qemu.kill()
        self._network.forget_connections(side.node)

    def _boot(self, _side):
        self._network.plug("colo")


def cannot_play(script, fault):
    """None, or why this script cannot be played here.  fault: why there is no KVM, None if there is."""
    if fault:
        return f"takes KVM; {fault}"  # TCG's monitor hangs by a bug of its own, or is kept from it by a work-around
    if {line.words[0] for line in script.lines} & NETWORK_VERBS:
        return network.unusable_because()
    return None


def play(script, steps):
    """-> [(line number, value, ms)]"""
    processes.end_with_everything()
    seen = []
    with contextlib.ExitStack() as stack:
        player = Player(script, steps, stack)
        for line in script.lines:
            result = player.play(line)
            if result:
                seen.append((line.number, *result))
    return seen
