"""An observer on the guests' network, who asks for the guest all the while and notes on which host it is heard.

Knows: the law, Ethernet, ARP, ICMP, the cable from each host.  Must not know: ftd, QEMU, what a scenario does.

The law: once the guest has been heard on another host, it is never heard on the first one again.

Both hosts are asked every time, as if a switch had forgotten where the guest lives: whoever could speak would.  The order
of what is heard is that of the kernel's time stamps, taken as a frame enters the cable and not when we get to read it.
"""

import itertools
import select
import socket
import struct
import threading
import time

from tests.e2e.network import GUESTS_CABLES
from tests.pair import processes
from tests.pair.pair import GUEST_IP, GUEST_MAC

_SO_RCVBUFFORCE, _SO_TIMESTAMPNS = 33, 35  # asm-generic/socket.h
_SOL_PACKET, _PACKET_STATISTICS, _PACKET_IGNORE_OUTGOING = 263, 6, 23  # linux/socket.h, linux/if_packet.h
_ARP, _IPV4 = 0x0806, 0x0800
_MAC, _IP = bytes.fromhex("020000000002"), socket.inet_aton("192.0.2.2")
_GUEST_MAC, _GUEST_IP = bytes.fromhex(GUEST_MAC.replace(":", "")), socket.inet_aton(GUEST_IP)
_MIB = 1 << 20


def _checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def _frame(to, ethertype, payload):
    return (to + _MAC + struct.pack("!H", ethertype) + payload).ljust(60, b"\0")


def _who_has():
    return _frame(b"\xff" * 6, _ARP, struct.pack("!HHBBH6s4s6s4s", 1, _IPV4, 6, 4, 1, _MAC, _IP, bytes(6), _GUEST_IP))


def _echo_request():
    data = b"exactly one guest "  # as much as makes the shortest frame
    icmp = struct.pack("!BBHHH", 8, 0, 0, 0x7c01, 1) + data
    icmp = icmp[:2] + struct.pack("!H", _checksum(icmp)) + icmp[4:]
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(icmp), 0, 0, 64, 1, 0, _IP, _GUEST_IP)
    return _frame(_GUEST_MAC, _IPV4, header[:10] + struct.pack("!H", _checksum(header)) + header[12:] + icmp)


ARP, ECHO = "ARP", "ICMP echo"


def _kind(frame):
    """What the guest says; a wrong checksum makes it something else."""
    ethertype = int.from_bytes(frame[12:14], "big")
    if ethertype == _ARP and frame[20:32] == b"\0\2" + _GUEST_MAC + _GUEST_IP:
        return ARP
    if ethertype == _IPV4 and frame[34:36] == b"\0\0" and _checksum(frame[14:34]) == _checksum(frame[34:60]) == 0:
        return ECHO
    return f"a frame of type {ethertype:#06x}"


class Observer:
    """start(), and later check(), as often as wanted; close() at the end, whatever happened.

    home: the host on which the guest is to be heard first.
    """

    def __init__(self, network, home):
        self._home = home
        self.every = 0.005  # seconds; one kind of question, then the other
        self.heard = []  # (seconds, host, what), in the order in which it was read
        self._fault = None
        self._stop = threading.Event()
        self._socket = network.packet_socket("observer")
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 8 * _MIB)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self):
        """Returns when the guest is heard."""
        self._thread.start()
        self.wait_heard(self._home)

    def close(self):
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()

    def check(self):
        """The law, for all that was heard so far."""
        if self._fault:
            raise self._fault
        _, lost = struct.unpack("II", self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
        assert lost == 0, f"the kernel lost {lost} frames before they were read"
        frames = sorted(self.heard)
        turns = _turns(frames)
        assert turns[0] == self._home, f"the guest was first heard on {turns[0]}, not on {self._home}: {frames[:20]}"
        if len(turns) > 2:
            first = next(i for i, f in enumerate(frames) if f[1] == turns[1])
            told = [f"\n{at - frames[first][0]:+.6f} s {h}: {what}" for at, h, what in frames[max(0, first - 5):first + 50]]
            raise AssertionError(f"the guest was heard on {_as_text(turns)}:" + "".join(told))

    def wait_heard(self, host):
        """The guest on this host answers questions of both kinds, from now on."""
        since = len(self.heard)
        processes.wait_until(lambda: {(host, ARP), (host, ECHO)} <= {(h, what) for _, h, what in self.heard[since:]},
                             f"{host}'s guest to be heard: {self.tell()}")

    def silences(self):
        """{kind of answer: longest time without one, in seconds}"""
        frames = sorted(self.heard)
        return {kind: _longest_gap(frames, kind) for kind in (ARP, ECHO)}

    def tell(self):
        frames = sorted(self.heard)
        return f"{len(frames)} frames, of {_as_text(_turns(frames)) or 'nobody'}; {in_words(self.silences())}"

    def _work(self):
        due, questions = time.monotonic(), itertools.cycle((_who_has(), _echo_request()))
        try:
            while not self._stop.is_set():
                if select.select([self._socket], [], [], max(0.0, due - time.monotonic()))[0]:
                    self._take()
                if time.monotonic() >= due:
                    question, due = next(questions), time.monotonic() + self.every
                    for cable in GUESTS_CABLES:
                        self._socket.sendto(question, (cable, 0))
        except Exception as e:  # whatever it is: one who has stopped listening must not find that all is well
            self._fault = e

    def _take(self):
        frame, [(_, _, stamp)], _, (cable, *_) = self._socket.recvmsg(2048, 64)
        if frame[6:12] == _GUEST_MAC:
            seconds, ns = struct.unpack("qq", stamp)
            self.heard.append((seconds + ns / 1e9, GUESTS_CABLES[cable], _kind(frame)))


def in_words(silences):
    """Of what Observer.silences gives."""
    return "longest time without an answer: " + ", ".join(f"{kind} {s * 1000:.0f} ms" for kind, s in silences.items())


def _turns(frames):
    """Whose frames they are, one after the other, each host once for as long as no other is heard."""
    return [host for host, _ in itertools.groupby(host for _, host, _ in frames)]


def _as_text(turns):
    return ", then ".join(turns[:4]) + (f" and so on, {len(turns)} turns" if len(turns) > 4 else "")


def _longest_gap(frames, what):
    times = [at for at, _, w in frames if w == what]
    return max((b - a for a, b in itertools.pairwise(times)), default=0.0)
