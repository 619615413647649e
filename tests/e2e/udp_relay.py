"""What an attacker or a bad network does to heartbeats: sits on one link between the two ftd, and can drop, record, change
and send datagrams.

Knows: UDP, threads.  Must not know: the heartbeat's format.
"""

import select
import socket
import threading


class UdpRelay:
    """Each side of the link has its own socket here, which that side takes for its peer."""

    def __init__(self, sides, here):
        """sides: {name: address of that side's ftd}; here: {name: our address towards that side}."""
        self.cut = False  # drop everything that comes in
        self.deaf = set()  # the sides that are sent nothing
        self._recorded = {name: [] for name in sides}
        self._lock = threading.Lock()
        self._sockets = {}
        for name, address in sides.items():
            s = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_DGRAM)
            s.bind(here[name])
            s.connect(address)
            self._sockets[name] = s
        threading.Thread(target=self._run, daemon=True).start()

    def recorded(self, sender):
        """Every datagram that this side has sent so far."""
        with self._lock:
            return list(self._recorded[sender])

    def send(self, receiver, datagram):
        """To that side's ftd, as if its peer had sent it."""
        try:
            self._sockets[receiver].send(datagram)
        except ConnectionRefusedError:  # told late of an earlier one: nobody listened then
            self._sockets[receiver].send(datagram)

    def _run(self):
        one, two = self._sockets
        other = {one: two, two: one}
        names = {s: n for n, s in self._sockets.items()}
        while True:
            for s in select.select(list(names), [], [])[0]:
                try:
                    datagram = s.recv(2048)
                except ConnectionRefusedError:
                    continue
                with self._lock:
                    self._recorded[names[s]].append(datagram)
                if not self.cut and other[names[s]] not in self.deaf:
                    try:
                        self.send(other[names[s]], datagram)
                    except ConnectionRefusedError:
                        pass  # nobody listens there now
