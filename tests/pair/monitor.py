"""A QMP client for tests: one connection, commands with deadlines, events kept in order.

Knows: QMP.  Must not know: COLO, ftd.
"""

import json
import select
import socket
import time


class QmpError(Exception):
    """QEMU answered with an error."""


class QmpTimeout(Exception):
    """QEMU did not answer in time, or closed the connection."""


class Monitor:
    def __init__(self, path, seconds=20.0, oob=False):
        """oob: send() may then ask for execution out of band."""
        self.path = path
        self.events = []  # every event received, in order
        self._buffer = b""
        self._id = 0
        self._socket = self._connect(time.monotonic() + seconds)
        self._next(lambda m: "QMP" in m, seconds, "greeting")
        self.command("qmp_capabilities", {"enable": ["oob"]} if oob else None, seconds=seconds)

    def _connect(self, end):
        while True:
            s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                s.connect(self.path)
                return s
            except OSError as e:
                s.close()
                if time.monotonic() > end:
                    raise QmpTimeout(f"{self.path}: {e}") from e
                time.sleep(0.005)

    def command(self, name, arguments=None, seconds=15.0):
        self._id += 1
        request = {"execute": name, "id": self._id}
        if arguments is not None:
            request["arguments"] = arguments
        self.send(request)
        return self.reply(self._id, seconds, name)

    def send(self, request):
        """A whole request, with an id for reply() that no other one has."""
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
        except OSError as e:
            raise QmpTimeout(f"{self.path}: {request}: {e}") from e

    def reply(self, request_id, seconds, what):
        """Replies to earlier requests that come in meanwhile are dropped."""
        reply = self._next(lambda m: m.get("id") == request_id, seconds, what)
        if "error" in reply:
            raise QmpError(f"{what}: {reply['error']['desc']}")
        return reply["return"]

    def hmp(self, line):
        """A command of the human monitor, which reports errors as text."""
        text = self.command("human-monitor-command", {"command-line": line})
        if text:
            raise QmpError(f"{line}: {text.strip()}")

    def wait_event(self, name, since, seconds=15.0):
        """Waits for event `name` among those after the first `since`; returns the number of events up to and with it."""
        for i, event in enumerate(self.events[since:], since + 1):
            if event["event"] == name:
                return i
        self._next(lambda m: m.get("event") == name, seconds, "event " + name)
        return len(self.events)

    def drain(self):
        """Takes in what has arrived; returns the number of events so far, to be used as `since`."""
        while self._receive(0):
            pass
        return len(self.events)

    def close(self):
        self._socket.close()

    def _next(self, wanted, seconds, what):
        end = time.monotonic() + seconds
        while True:
            for m in self._messages():
                if "event" in m:
                    self.events.append(m)
                if wanted(m):
                    return m
            left = end - time.monotonic()
            if left <= 0 or not self._receive(left, keep=True):
                raise QmpTimeout(f"{self.path}: no {what} within {seconds:g} s")

    def _messages(self):
        while b"\n" in self._buffer:
            line, self._buffer = self._buffer.split(b"\n", 1)
            if line.strip():
                yield json.loads(line)

    def _receive(self, seconds, keep=False):
        """Waits for bytes.  Unless keep, also files the messages in them, which must be events."""
        readable, _, _ = select.select([self._socket], [], [], seconds)
        data = b""
        if readable:
            try:
                data = self._socket.recv(1 << 16)
            except OSError:
                pass
            if not data and keep:
                raise QmpTimeout(f"{self.path}: closed by QEMU")
        self._buffer += data
        if not keep:
            self.events += [m for m in self._messages() if "event" in m]
        return bool(data)
