#!/usr/bin/env python3
"""Records what a running QEMU answers to ftd's discovery queries, as a fixture for the unit tests.

  record-fixtures.py QMP_SOCKET OUT.json [OLD=NEW ...]

The answers are stored under the keys that qmp/topology.c asks for.  Every OLD in any text is replaced by NEW, so that
directories of the machine it was recorded on do not end up in the file.  Lists are stored one item a line.
"""
import json
import socket
import sys

PLAIN = ["query-colo-status", "query-migrate-parameters", "query-yank", "x-debug-query-block-graph",
         "query-block-exports", "query-chardev"]
FOLDERS = ["/machine/peripheral", "/machine/peripheral-anon"]
PROPERTIES = {
    "child<colo-compare>": ["primary_in", "secondary_in", "outdev", "notify_dev", "iothread"],
    "child<filter-mirror>": ["netdev", "queue", "outdev"],
    "child<filter-redirector>": ["netdev", "queue", "indev", "outdev"],
    "child<filter-rewriter>": ["netdev"],
}

USING_IOTHREADS = ("child<virtio-blk", "child<virtio-scsi")
USING_CHARDEVS = ("virtserialport", "virtconsole", "isa-serial", "pci-serial", "usb-serial", "isa-parallel", "isa-debugcon",
                  "usb-redir")


def properties(folder, kind):
    if folder == "/objects":
        return PROPERTIES.get(kind, [])
    return (["iothread"] if kind.startswith(USING_IOTHREADS) else []) + (
        ["chardev"] if kind in {f"child<{t}>" for t in USING_CHARDEVS} else [])


class Monitor:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(path)
        self.lines = self.socket.makefile("r")
        json.loads(self.lines.readline())
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        self.socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while True:
            line = self.lines.readline()
            if not line:
                sys.exit("QEMU closed the connection")
            answer = json.loads(line)
            if "error" in answer:
                sys.exit("%s %s: %s" % (command, arguments, answer["error"]["desc"]))
            if "return" in answer:
                return answer["return"]


def record(monitor):
    answers = {command: monitor.ask(command) for command in PLAIN}
    answers["query-named-block-nodes"] = monitor.ask("query-named-block-nodes", flat=True)
    for folder in ["/objects"] + FOLDERS:
        entries = answers["qom-list " + folder] = monitor.ask("qom-list", path=folder)
        for entry in entries:
            for name in properties(folder, entry["type"]):
                path = folder + "/" + entry["name"]
                answers[path + "." + name] = monitor.ask("qom-get", path=path, property=name)
    return answers


def render(answers):
    def value(v):
        if isinstance(v, list) and v:
            return "[\n  " + ",\n  ".join(json.dumps(item, sort_keys=True) for item in v) + "]"
        return json.dumps(v, sort_keys=True)
    return "{\n" + ",\n".join(" %s: %s" % (json.dumps(k), value(v)) for k, v in sorted(answers.items())) + "\n}\n"


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    text = render(record(Monitor(sys.argv[1])))
    for replacement in sys.argv[3:]:
        text = text.replace(*replacement.split("=", 1))
    with open(sys.argv[2], "w") as out:
        out.write(text)


if __name__ == "__main__":
    main()
