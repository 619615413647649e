"""Hears what daemons say, and when: the only clock of the benchmark.

Knows: FIFOs, CLOCK_REALTIME.  Must not know: what a line means.

One thread, one epoll: whoever has to wait waits here, so that a line is stamped when it comes, whatever else goes on.
"""

import contextlib
import os
import select
import time


def now():
    """CLOCK_REALTIME in ns: the clock of the kernel's packet time stamps too."""
    return time.clock_gettime_ns(time.CLOCK_REALTIME)


class Ear:
    def __init__(self):
        self._poll = select.epoll()
        self._heard = {}  # {descriptor: [function(at, line), what came in since the last line feed]}

    def listen(self, fifo, tell):
        """tell(at, line) for every line written to this FIFO, until hush()."""
        # For writing too: otherwise it reads as ended whenever no daemon has it open.
        descriptor = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
        self._heard[descriptor] = [tell, b""]
        self._poll.register(descriptor, select.EPOLLIN)

    def hush(self):
        """Stops listening to everything."""
        for descriptor in self._heard:
            self._poll.unregister(descriptor)
            os.close(descriptor)
        self._heard.clear()

    def until(self, condition, seconds):
        """Listens until condition() holds or the time is over; returns whether it holds."""
        end = time.monotonic() + seconds
        while not condition():
            left = end - time.monotonic()
            if left <= 0:
                return False
            self._turn(left)
        return True

    def listen_for(self, seconds):
        self.until(lambda: False, seconds)

    def _turn(self, seconds):
        ready = self._poll.poll(min(seconds, 0.1))
        at = now()
        for descriptor, _ in ready:
            tell, rest = self._heard[descriptor]
            *lines, self._heard[descriptor][1] = (rest + os.read(descriptor, 65536)).split(b"\n")
            for line in lines:
                tell(at, line.decode(errors="replace"))


@contextlib.contextmanager
def before_all_others():
    """In here this process runs as soon as it has something to do, and what it starts does not.  -> whether so"""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))
        granted = True
    except OSError:
        granted = False
    try:
        yield granted
    finally:
        if granted:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
