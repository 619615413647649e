"""What bfdd and BIRD have in common: BFD, RFC 5880, between two hosts that are directly connected."""

from tests.bench.daemons import daemon

_UDP, _PORT = 17, 3784
MULTIPLIER = 3


class Bfd(daemon.Pair):
    REMARK = "BFD: either side's judgement ends the session of both; it sends up to 25 % sooner than asked, at random"

    @classmethod
    def timing(cls, nominal_ms):
        interval = nominal_ms // MULTIPLIER
        return daemon.Timing(interval, nominal_ms, MULTIPLIER)

    def is_heartbeat(self, protocol, port):
        return protocol == _UDP and port == _PORT
