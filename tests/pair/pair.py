"""A real COLO pair on this machine: two QEMUs, a tiny guest that counts, disks and NICs replicated as QEMU documents it.

Knows: QEMU's command line, the COLO set-up sequence of QEMU's docs/COLO-FT.txt.  Must not know: ftd.

    with Pair() as pair:
        pair.up()
        pair.a is the first primary (127.0.0.1), pair.b the first secondary (127.0.0.2)

Run by itself it brings up a pair, prints where its sockets are, and keeps it until it is interrupted.
"""

import argparse
import dataclasses
import os
import re
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.pair import build, dialect, processes  # noqa: E402 (the path above comes first)
from tests.pair.monitor import Monitor, QmpTimeout  # noqa: E402
from tests.pair.names import Names  # noqa: E402
from tests.pair.relay import TcpRelay  # noqa: E402
from tests.pair.slot import ADDRESSES, Slot  # noqa: E402

DISK_BYTES = 1 << 20
GUEST_MAC, GUEST_IP = "52:54:00:12:34:56", "192.0.2.1"  # of the first NIC; guest.S knows them, too
# Ports, counted from the slot's first one.  Each NIC has four; the rest of the slot is free for others (FREE and up).
MIGRATION, MIGRATION_RELAY, NBD, NIC, PORTS_PER_NIC, FREE = 0, 1, 2, 4, 4, 12

# How a primary's disk leads to the peer: through the replication driver, as QEMU documented it up to 11.0, or by an NBD node
# directly under the quorum, as it does from 11.1 on (any of these QEMUs takes either).
WIRINGS = ("replication", "nbd")


@dataclasses.dataclass(frozen=True)
class Host:
    """Where a side's QEMU runs."""
    address: str  # towards the other side
    inner: str  # for what QEMU connects to itself
    enter: tuple = ()  # argv that puts a program there
    tap: str | None = None  # the device there that leads to the guests' network; without, the first NIC leads nowhere


HERE = tuple(Host(a, a) for a in ADDRESSES)


class Qemu:
    """One side's QEMU: its process, its sockets, its guest."""
    patience = 20.0  # seconds for it to come up

    def __init__(self, pair, name, host):
        self.pair, self.name, self.host, self.address = pair, name, host, host.address
        self.dir = os.path.join(pair.slot.dir, name)
        os.mkdir(self.dir)
        self.qmp_socket, self.oob_socket, self._obs_socket, self.watch_socket = (
            self.path(n) for n in ("qmp.sock", "qmp-oob.sock", "obs.sock", "watch.sock"))
        self.process = None
        self.disk_servers = []  # of a pair whose disks are served; each can be stopped
        self.obs = None  # the test's own Monitor

    def path(self, name):
        return os.path.join(self.dir, name)

    def flush_slowly(self):
        """From here on, in a pair made with flush_later."""
        open(self.path("flushes-slowly"), "wb").close()

    def start(self, role_arguments):
        sockets = (self.qmp_socket, self.oob_socket, self.watch_socket, self._obs_socket)
        for s in sockets:
            if os.path.exists(s):
                os.unlink(s)
        for log in ("serial.log", "qemu.log"):
            open(self.path(log), "wb").close()
        argv = [*self.host.enter, dialect.program(), "-accel", self.pair.accel, *self.pair.memory, "-cpu", "qemu64,-apic", "-nodefaults",
                "-display", "none", "-bios", self.pair.rom, "-name", self.name, "-serial", "file:" + self.path("serial.log")]
        argv += self.pair.end
        for s in sockets:
            argv += ["-qmp", f"unix:{s},server=on,wait=off"]
        env = dict(os.environ, LD_PRELOAD=":".join(self.pair.preload), FLUSH_MS=str(self.pair.flush_ms or 0),
                   FLUSH_FAILS=self.path("flush-fails"))
        if self.pair.flush_later:
            env["FLUSH_WHILE"] = self.path("flushes-slowly")
        self.process = processes.spawn(argv + role_arguments, self.path("qemu.log"), env)
        processes.wait_until(lambda: os.path.exists(self._obs_socket) or self.process.poll() is not None, f"QEMU {self.name}")
        if self.process.poll() is not None:
            raise RuntimeError(f"QEMU {self.name} ended at once:\n{self.errors()}")
        self.obs = Monitor(self._obs_socket, self.patience)

    def make_images(self):
        with open(self.path("disk.raw"), "wb") as f:
            f.truncate(DISK_BYTES)
        for i in range(self.pair.disks):
            shutil.copyfile(self.path("disk.raw"), self.path(f"disk{i}.raw"))
            for overlay in ("active", "hidden"):
                shutil.copyfile(self.pair.empty, self.path(f"{overlay}{i}.qcow2"))

    def serve_images(self):
        """Each disk behind an NBD server of its own, which may hang."""
        for i in range(self.pair.disks):
            server = processes.spawn(["qemu-nbd", "-k", self._disk_socket(i), "-f", "raw", "-t", self.path(f"disk{i}.raw")],
                                     self.path("nbd.log"))
            processes.wait_until(lambda i=i: os.path.exists(self._disk_socket(i)), f"the server of {self.name}'s disk")
            self.disk_servers.append(server)

    def disk_file(self, i, prefix):
        """The options, below prefix, of the protocol node that leads to disk i."""
        if not self.pair.served:
            return f"{prefix}.filename={self.path(f'disk{i}.raw')}"
        return f"{prefix}.driver=nbd,{prefix}.server.type=unix,{prefix}.server.path={self._disk_socket(i)}"

    def _disk_socket(self, i):
        return self.path(f"disk{i}.sock")

    # what a test does to it

    def kill(self):
        processes.kill(self.process)

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)
        processes.wait_until(self.stopped, f"QEMU {self.name} to stop")

    def wake(self):
        self.process.send_signal(signal.SIGCONT)

    def break_disk(self):
        """No flush succeeds any more, where the pair has flush_ms."""
        open(self.path("flush-fails"), "wb").close()

    def press(self, key):
        """p: the guest powers itself off; m: it changes much memory from then on.  It may not be asked while it stands for a
        checkpoint."""
        self.obs.command("send-key", {"keys": [{"type": "qcode", "data": key}]})

    # what a test asks of it

    def gone(self):
        return self.process.poll() is not None

    def stopped(self):
        return processes.state(self.process.pid) == "T"

    def errors(self):
        with open(self.path("qemu.log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def counter(self):
        """The newest number the guest has said here, or -1."""
        with open(self.path("serial.log"), encoding="ascii", errors="replace") as f:
            return max(numbers(f.read())[-1:], default=-1)

    def changes_much(self):
        """The guest has said that it does."""
        with open(self.path("serial.log"), "rb") as f:
            return b"mu " in f.read()

    def said(self):
        """How many bytes the guest has said here."""
        return os.path.getsize(self.path("serial.log"))

    def colo(self):
        """(mode, last-mode, run state), as QEMU says itself."""
        status = self.obs.command("query-colo-status")
        return status["mode"], status["last-mode"], self.obs.command("query-status")["status"]


def _touched(mb):
    """A guest that uses all of its memory."""
    return ("-M", "pc,memory-backend=ram0", "-m", str(mb), "-object", f"memory-backend-ram,id=ram0,size={mb}M,prealloc=on")


def numbers(serial):
    """What the guest counted, from its serial output.  A checkpoint may cut a line of the secondary short."""
    return [int(n, 16) for n in re.findall(r"at ([0-9a-f]{8})\n", serial)]


class Pair:
    default_wiring = os.environ.get("FTD_TEST_WIRING", WIRINGS[0])

    def __init__(self, disks=1, nics=1, renamed=False, checkpoint_ms=300, accel=None, relay_migration=False, hosts=HERE,
                 memory_mb=16, flush_ms=None, flush_later=False, stays=False, served=False, wiring=None, multifd=False,
                 primary_has=(), secondary_has=()):
        """multifd: memory goes over several connections.  primary_has, secondary_has: more arguments for QEMU."""
        self.wiring = wiring or Pair.default_wiring
        if self.wiring not in WIRINGS:
            raise ValueError(f"no wiring is called {self.wiring!r}; there are {', '.join(WIRINGS)}")
        self.memory = ("-M", "pc", "-m", "16") if memory_mb == 16 else _touched(memory_mb)
        self.disks, self.nics, self.checkpoint_ms, self.served = disks, nics, checkpoint_ms, served
        self.multifd, self.primary_has, self.secondary_has = multifd, list(primary_has), list(secondary_has)
        self.names = Names(renamed)
        self.end = ("-no-shutdown",) if stays else ()  # a QEMU that stays when its guest has powered itself off
        self.accel, self.flush_ms, self.flush_later = accel or build.accelerator(), flush_ms, flush_later
        self.slot = Slot()
        try:
            self.rom = build.guest_rom(self.slot.dir)
            self.empty = build.empty_qcow2(self.slot.dir, DISK_BYTES)
            self.preload = [build.tcg_workaround(self.slot.dir)] if self.accel == "tcg" and dialect.has_tcg_deadlock() else []
            self.preload += [build.slow_flush(self.slot.dir)] if flush_ms is not None else []
            self.a, self.b = (Qemu(self, n, h) for n, h in zip("ab", hosts, strict=True))
            self.migration_relay = self._relay() if relay_migration else None
        except BaseException:
            self.slot.release()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.down()

    def port(self, offset):
        return self.slot.base + offset

    def up(self):
        """Both QEMUs up, COLO on, first checkpoint through."""
        for q in (self.a, self.b):
            q.make_images()
            if self.served:
                q.serve_images()
        self.a.start(self._primary_arguments())
        self.b.start(self._secondary_arguments(self.b, self.a))
        self._serve_disks(self.b)
        self._attach_disks(self.a, self.b)
        self._start_colo(self.a, self.b)

    def down(self):
        for q in (self.a, self.b):
            for server in q.disk_servers:
                processes.kill(server)
            if q.process:
                q.kill()
            if q.obs:
                q.obs.close()
        if self.migration_relay:
            self.migration_relay.cut()
        self.slot.release()

    def start_secondary(self, new, survivor):
        """A fresh, blank QEMU in the dead one's place, and all it takes to make it the secondary of the survivor."""
        new.obs.close()
        new.make_images()
        new.start(self._secondary_arguments(new, survivor))
        self._serve_disks(new)
        self._copy_disks(survivor, new)
        self._attach_disks(survivor, new)
        self._attach_network(survivor)
        self._start_colo(survivor, new)

    def boot(self, qemu):
        """A guest of its own in the dead one's place, outside of any COLO."""
        qemu.obs.close()
        qemu.start([*self._nics(qemu.host), "-drive", f"if=ide,format=raw,file={qemu.path('disk.raw')}"])

    def promote(self, secondary):
        """Its guest goes on alone, by hand, as QEMU documents it."""
        secondary.obs.command("nbd-server-stop")
        secondary.obs.command("x-colo-lost-heartbeat")
        for i in range(self.nics):
            for redirector in ("to_primary", "from_primary"):
                secondary.obs.command("object-del", {"id": self.names(redirector, i)})

    def force_checkpoint(self, primary):
        """Setting the delay, to whatever value, starts a checkpoint at once."""
        primary.obs.command("migrate-set-parameters", {"x-checkpoint-delay": self.checkpoint_ms})

    # the command lines

    def _relay(self):
        return TcpRelay((self.a.address, self.port(MIGRATION_RELAY)), (self.b.address, self.port(MIGRATION)))

    def _nic_port(self, nic, which):
        return self.port(NIC + nic * PORTS_PER_NIC + which)

    def _nics(self, host):
        """NICs that keep nothing in the guest's RAM; guest.S drives the first and says why."""
        arguments = []
        for i in range(self.nics):
            netdev, leads_out = self.names("netdev", i), i == 0 and host.tap
            backend = f"tap,ifname={host.tap},script=no,downscript=no,vhost=off" if leads_out else f"hubport,hubid={i}"
            address = f",mac={GUEST_MAC}" if i == 0 else ""
            arguments += ["-netdev", f"{backend},id={netdev}", "-device", f"ne2k_isa,id={self.names('nic', i)},netdev={netdev},"
                          f"iobase={0x300 + 0x20 * i:#x},irq={3 + 2 * i}{address}"]
        return arguments

    def _primary_arguments(self):
        arguments = self._nics(self.a.host)
        for i in range(self.nics):
            chardevs, objects = self._primary_network(self.a, i)
            for c in chardevs:
                arguments += ["-chardev", f"socket,id={c['id']},host={c['host']},port={c['port']}"
                              + (",server=on,wait=off" if c["server"] else "")]
            for o in objects:
                arguments += ["-object", o["qom-type"] + "".join(f",{k}={v}" for k, v in o.items() if k != "qom-type")]
        for i in range(self.disks):
            arguments += ["-drive", f"if=ide,id={self.names('disk', i)},driver=quorum,read-pattern=fifo,vote-threshold=1,"
                          f"children.0.driver=raw,{self.a.disk_file(i, 'children.0.file')}"]
        return arguments + self.primary_has + ["-S"]

    def _primary_network(self, me, i):
        """(chardevs, objects) of a primary's NIC i, each a dict, in the order in which they must be made."""
        def n(what):
            return self.names(what, i)

        def chardev(what, which, server, inner=False):
            return {"id": n(what), "host": me.host.inner if inner else me.address, "port": self._nic_port(i, which), "server": server}

        def redirector(what, **chardevs):
            return {"qom-type": "filter-redirector", "id": n(what), "netdev": n("netdev"), "queue": "rx", **chardevs}

        chardevs = [chardev("mirror_chardev", 0, True), chardev("secondary_in_chardev", 1, True),
                    chardev("primary_in_server", 2, True, True), chardev("primary_in_client", 2, False, True),
                    chardev("out_server", 3, True, True), chardev("out_client", 3, False, True)]
        objects = [{"qom-type": "filter-mirror", "id": n("mirror"), "netdev": n("netdev"), "queue": "tx",
                    "outdev": n("mirror_chardev")},
                   redirector("rx_back", indev=n("out_server")), redirector("tx_local", outdev=n("primary_in_server")),
                   {"qom-type": "iothread", "id": n("iothread")},
                   {"qom-type": "colo-compare", "id": n("compare"), "primary_in": n("primary_in_client"),
                    "secondary_in": n("secondary_in_chardev"), "outdev": n("out_client"), "iothread": n("iothread")}]
        return chardevs, objects

    def _secondary_arguments(self, me, primary):
        arguments = self._nics(me.host)
        for i in range(self.nics):
            arguments += self._secondary_network(primary, i)
        for i in range(self.disks):
            arguments += self._secondary_disk(me, i)
        return arguments + self.secondary_has + ["-incoming", "defer" if self.multifd else self._incoming(me)]

    def _incoming(self, me):
        return f"tcp:{me.address}:{self.port(MIGRATION)}"

    def _secondary_network(self, primary, i):
        def n(what):
            return self.names(what, i)

        reconnect = "reconnect-ms=1000" if dialect.takes_reconnect_ms() else "reconnect=1"

        def client(what, which):
            return ["-chardev", f"socket,id={n(what)},host={primary.address},port={self._nic_port(i, which)},{reconnect}"]

        netdev = n("netdev")
        return (client("from_primary_chardev", 0) + client("to_primary_chardev", 1)
                + ["-object", f"filter-redirector,id={n('from_primary')},netdev={netdev},queue=tx,indev={n('from_primary_chardev')}",
                   "-object", f"filter-redirector,id={n('to_primary')},netdev={netdev},queue=rx,outdev={n('to_primary_chardev')}",
                   "-object", f"filter-rewriter,id={n('rewriter')},netdev={netdev},queue=all"])

    def _secondary_disk(self, me, i):
        disk, export, child = (self.names(w, i) for w in ("disk", "export", "child"))
        active, hidden = (me.path(f"{w}{i}.qcow2") for w in ("active", "hidden"))
        return ["-drive", f"if=none,id={export},driver=raw,{me.disk_file(i, 'file')}",
                "-drive", f"if=none,id={child},driver=replication,mode=secondary,top-id={disk},file.driver=qcow2,"
                f"file.file.filename={active},file.backing.driver=qcow2,file.backing.file.filename={hidden},"
                f"file.backing.backing={export}",
                "-drive", f"if=ide,id={disk},driver=quorum,read-pattern=fifo,vote-threshold=1,children.0={child}"]

    # the set-up sequence

    def _serve_disks(self, secondary):
        secondary.obs.command("nbd-server-start", {"addr": {"type": "inet", "data": {
            "host": secondary.address, "port": str(self.port(NBD))}}})
        for i in range(self.disks):
            secondary.obs.command("nbd-server-add", {"device": self.names("export", i), "writable": True})

    def _attach_disks(self, primary, secondary):
        for i in range(self.disks):
            node = self.names("replication" if self.wiring == "replication" else "nbd", i)
            add = self._add_replication if self.wiring == "replication" else self._add_nbd
            add(primary, secondary, node, i)
            primary.obs.command("x-blockdev-change", {"parent": self.names("disk", i), "node": node})

    def _add_nbd(self, primary, secondary, node, i):
        primary.obs.command("blockdev-add", {
            "driver": "nbd", "node-name": node, "detect-zeroes": "on", "export": self.names("export", i),
            "server": {"type": "inet", "host": secondary.address, "port": str(self.port(NBD))}})

    def _add_replication(self, primary, secondary, node, i):
        # With other names, the last disk's connection gets none: QEMU then makes one up (#blockNNN).
        nameless = self.names.renamed and i == self.disks - 1
        nbd = "" if nameless else f",file.node-name={self.names('nbd', i)}"
        primary.obs.hmp(f"drive_add -n buddy driver=replication,mode=primary,node-name={node},file.driver=nbd,"
                        f"file.host={secondary.address},file.port={self.port(NBD)},file.export={self.names('export', i)}{nbd}")

    def _copy_disks(self, survivor, new):
        """Leaves the survivor's guest stopped, so that the copies stay true until COLO is on."""
        for i in range(self.disks):
            since = survivor.obs.drain()
            survivor.obs.command("drive-mirror", {
                "device": self.names("disk", i), "job-id": f"copy{i}", "mode": "existing", "format": "raw", "sync": "full",
                "target": f"nbd://{new.address}:{self.port(NBD)}/{self.names('export', i)}"})
            survivor.obs.wait_event("BLOCK_JOB_READY", since)
        survivor.obs.command("stop")
        for i in range(self.disks):
            since = survivor.obs.drain()
            survivor.obs.command("block-job-cancel", {"device": f"copy{i}"})
            survivor.obs.wait_event("BLOCK_JOB_COMPLETED", since)

    def _attach_network(self, survivor):
        promoted = survivor is self.b
        for i in range(self.nics):
            chardevs, objects = self._primary_network(survivor, i)
            for c in chardevs:
                address = {"type": "inet", "data": {"host": c["host"], "port": str(c["port"])}}
                data = {"addr": address, "server": c["server"], **({"wait": False} if c["server"] else {})}
                survivor.obs.command("chardev-add", {"id": c["id"], "backend": {"type": "socket", "data": data}})
            for o in objects:
                # A promoted secondary keeps its rewriter, and mirror and redirectors come before it.
                before = {"insert": "before", "position": f"id={self.names('rewriter', i)}"}
                survivor.obs.command("object-add", o | (before if promoted and "netdev" in o else {}))

    def _capabilities(self):
        return (["x-colo", "events"] + (["return-path"] if dialect.needs_return_path() else [])
                + (["multifd"] if self.multifd else []))

    def _start_colo(self, primary, secondary):
        for q in (secondary, primary):
            q.obs.command("migrate-set-capabilities", {"capabilities": [
                {"capability": c, "state": True} for c in self._capabilities()]})
        if self.multifd:  # known before it listens, or not at all
            secondary.obs.command("migrate-incoming", {"uri": self._incoming(secondary)})
        primary.obs.command("migrate-set-parameters", {"x-checkpoint-delay": self.checkpoint_ms})
        since = {q: q.obs.drain() for q in (primary, secondary)}
        target = ((self.a.address, self.port(MIGRATION_RELAY)) if self.migration_relay
                  else (secondary.address, self.port(MIGRATION)))
        primary.obs.command("migrate", {"uri": "tcp:%s:%d" % target})
        for q, mode in ((primary, "primary"), (secondary, "secondary")):
            q.obs.wait_event("RESUME", since[q], seconds=60)  # the memory of a big guest goes over first
            processes.wait_until(lambda q=q, mode=mode: q.colo()[0] == mode, f"COLO mode {mode} on {q.name}")


def main():
    parser = argparse.ArgumentParser(description="Bring up a COLO pair and keep it until interrupted.")
    parser.add_argument("--disks", type=int, choices=(1, 2), default=1)
    parser.add_argument("--nics", type=int, choices=(0, 1, 2), default=1)
    parser.add_argument("--renamed", action="store_true", help="give everything other ids than the documented ones")
    parser.add_argument("--checkpoint-ms", type=int, default=300)
    parser.add_argument("--accel", choices=("kvm", "tcg"))
    parser.add_argument("--wiring", choices=WIRINGS, help="how the primary's disk leads to the secondary")
    parser.add_argument("--multifd", action="store_true", help="memory goes over several connections")
    options = parser.parse_args()
    processes.end_with_everything()
    with Pair(**vars(options)) as pair:
        pair.up()
        print(f"COLO is on, {pair.accel}" + (" with the work-around for QEMU's TCG deadlock" if pair.accel == "tcg" else ""))
        for q in (pair.a, pair.b):
            print(f"{q.name}: pid {q.process.pid}, {q.qmp_socket}, {q.oob_socket}, serial {q.path('serial.log')}")
        sys.stdout.flush()
        while not (pair.a.gone() and pair.b.gone()):
            for q in (pair.a, pair.b):
                try:
                    print(f"{q.name}: {'gone' if q.gone() else 'guest at %d, COLO %s, was %s, %s' % (q.counter(), *q.colo())}")
                except QmpTimeout as e:
                    print(f"{q.name}: {e}")
            sys.stdout.flush()
            time.sleep(5)


if __name__ == "__main__":
    main()
