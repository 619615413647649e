"""The ids of everything in a pair: those of QEMU's COLO documentation, or quite other ones.

A supervisor must not depend on ids.  With renamed=True not one of them is as documented, so a test that passes both ways
shows that it does not.
"""

_DOCUMENTED = {
    # network, per NIC; primary
    "netdev": "hn{i}", "nic": "e{i}",
    "mirror_chardev": "mirror0", "secondary_in_chardev": "compare1",
    "primary_in_server": "compare0", "primary_in_client": "compare0-0", "out_server": "compare_out", "out_client": "compare_out0",
    "mirror": "m0", "rx_back": "redire0", "tx_local": "redire1", "compare": "comp0", "iothread": "iothread1",
    # network, per NIC; secondary
    "from_primary_chardev": "red0", "to_primary_chardev": "red1", "from_primary": "f1", "to_primary": "f2", "rewriter": "rew0",
    # disks, per disk
    "disk": "colo-disk{i}", "export": "parent{i}", "child": "childs{i}", "replication": "replication{i}", "nbd": "nbd{i}",
}

_TREES = ("alder", "birch", "cedar", "dogwood", "elm", "fir", "ginkgo", "hazel", "ivy", "juniper", "kapok", "larch", "maple",
          "nutmeg", "oak", "pine", "quince", "rowan", "spruce", "teak", "ulmo", "viburnum", "willow")


class Names:
    def __init__(self, renamed=False):
        self.renamed = renamed
        self._trees = dict(zip(_DOCUMENTED, _TREES, strict=True))

    def __call__(self, what, i):
        """The id of `what` of NIC or disk number i."""
        if self.renamed:
            return f"{self._trees[what]}-{chr(ord('x') + i)}"
        name = _DOCUMENTED[what]
        return name.format(i=i) if "{i}" in name else name + (f"-nic{i}" if i else "")
