"""A cable on which every packet waits: jitter.py MAX_MS DEVICE DEVICE.  Instead of netem, where the kernel has none.

Knows: two devices, packet sockets.  Must not know: what the packets are.

Each packet is held for a random time of 0 to MAX_MS and sent on by the other device.  A later packet may overtake an
earlier one, as with netem.
"""

import heapq
import os
import random
import selectors
import socket
import sys
import time

_ETH_P_ALL = 3
_SOL_PACKET, _PACKET_VNET_HDR, _PACKET_IGNORE_OUTGOING = 263, 15, 23  # linux/if_packet.h


def _open(device):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    # With each packet's offload header: a checksum that the sender left to its device goes on being left to it.
    s.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
    s.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    s.bind((device, _ETH_P_ALL))
    s.setblocking(False)
    return s


def main():
    spread = float(sys.argv[1]) / 1000
    one, two = (_open(d) for d in sys.argv[2:4])
    across = {one: two, two: one}
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(2))  # its own lateness would be added to the jitter
    except OSError:
        pass
    waiting, number = [], 0
    with selectors.DefaultSelector() as selector:
        for s in across:
            selector.register(s, selectors.EVENT_READ)
        while True:
            timeout = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
            for key, _ in selector.select(timeout):
                try:
                    while True:
                        frame = key.fileobj.recv(65536)
                        number += 1
                        heapq.heappush(waiting, (time.monotonic() + random.uniform(0, spread), number, frame,
                                                 across[key.fileobj]))
                except BlockingIOError:
                    pass
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, frame, out = heapq.heappop(waiting)
                out.send(frame)


main()
