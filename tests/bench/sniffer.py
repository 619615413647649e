"""When the peer's heartbeats arrived at the observer's network card, by the kernel's time stamps.

Knows: packet sockets, IPv4 headers.  Must not know: any daemon.
"""

import socket
import struct

_ETH_P_IP = 0x0800
_SO_RCVBUFFORCE, _SO_TIMESTAMPNS = 33, 35  # asm-generic/socket.h; the latter is the type of its control message too
_SOL_PACKET, _PACKET_OUTGOING = 263, 4  # linux/if_packet.h
_UDP = 17


class Sniffer:
    """The kernel keeps what comes in; arrivals() reads it afterwards, so that nothing runs while a daemon is timed."""

    def __init__(self, lab, host, cables):
        self._sockets = [lab.inside(host, lambda c=c: self._open(c)) for c in cables]

    @staticmethod
    def _open(cable):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        s.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 1 << 22)
        s.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        s.bind((cable, _ETH_P_IP))
        s.setblocking(False)
        return s

    def arrivals(self, wanted):
        """Sorted times, CLOCK_REALTIME in ns, of packets that came in and for which wanted(protocol, UDP port)."""
        found = []
        for s in self._sockets:
            try:
                while True:
                    frame, control, _, source = s.recvmsg(128, 64)
                    if source[2] != _PACKET_OUTGOING and wanted(*_kind(frame)):
                        found.append(_stamp(control))
            except BlockingIOError:
                pass
        return sorted(found)

    def close(self):
        for s in self._sockets:
            s.close()


def _kind(frame):
    """(IP protocol, UDP destination port or 0)"""
    protocol, header = frame[23], 14 + 4 * (frame[14] & 15)
    if protocol != _UDP or len(frame) < header + 4:
        return protocol, 0
    return protocol, struct.unpack_from("!H", frame, header + 2)[0]


def _stamp(control):
    for level, kind, data in control:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("ll", data[:16])
            return seconds * 10**9 + nanoseconds
    raise RuntimeError("the kernel gave a packet no time stamp")
