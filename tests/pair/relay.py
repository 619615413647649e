"""A TCP relay that can be cut: stands between two QEMUs where a test must break their connection.

Knows: TCP, threads.  Must not know: what passes through.
"""

import select
import socket
import threading


class TcpRelay:
    """Listens on `listen`, passes each connection on to `target`."""

    def __init__(self, listen, target):
        # called with (whether the one who connected sends, the data), in the relay's thread; yields what is passed on
        self.in_pieces = lambda _from_near, data: [data]
        self._target = target
        self._lock = threading.Lock()
        self._open = []
        self._server = socket.create_server(listen)
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        """Closes every connection, both ways, and takes no new one."""
        _shut(self._server)
        with self._lock:
            for s in self._open:
                _shut(s)

    def _accept(self):
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:  # cut
                return
            far = socket.create_connection(self._target)
            with self._lock:
                self._open += [near, far]
            threading.Thread(target=self._pass_on, args=(near, far), daemon=True).start()

    def _pass_on(self, near, far):
        other = {near: far, far: near}
        try:
            while True:
                for s in select.select([near, far], [], [])[0]:
                    data = s.recv(1 << 18)
                    if not data:
                        return
                    for piece in self.in_pieces(s is near, data):
                        other[s].sendall(piece)
        except OSError:
            pass  # an end was cut or died; the other end is to see that too
        finally:
            _shut(near)
            _shut(far)


def _shut(s):
    try:
        s.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    s.close()
