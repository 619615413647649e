"""What a pair needs built, built once per process: the guest's ROM, an empty qcow2 image, the work-around for TCG.

Knows: as, ld, cc, qemu-img, and how to find out whether KVM works.  Must not know: how a pair is wired.
"""

import functools
import os
import subprocess

from tests.pair import dialect

HERE = os.path.dirname(os.path.abspath(__file__))


def guest_rom(directory):
    rom, obj = os.path.join(directory, "guest.rom"), os.path.join(directory, "guest.o")
    subprocess.run(["as", "--32", "-o", obj, os.path.join(HERE, "guest.S")], check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-Ttext", "0x7000", "--oformat", "binary", "-o", rom, obj], check=True)
    return rom


def empty_qcow2(directory, size):
    image = os.path.join(directory, "empty.qcow2")
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", image, str(size)], check=True)
    return image


def tcg_workaround(directory):
    return _library(directory, "tcg-colo-workaround")


def slow_flush(directory):
    """Set FLUSH_MS and FLUSH_FAILS in the environment of who is given it."""
    return _library(directory, "slow-flush")


def _library(directory, name):
    lib = os.path.join(directory, name + ".so")
    subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-fPIC", "-shared", "-o", lib, os.path.join(HERE, name + ".c")], check=True)
    return lib


@functools.cache
def kvm_fault():
    """None if KVM works here, found by using it; else one line that says why it does not."""
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC))
    except OSError as e:
        return f"/dev/kvm: {e.strerror}"
    hello = '{"execute":"qmp_capabilities"}\n{"execute":"quit"}\n'
    try:
        run = subprocess.run([dialect.program(), "-accel", "kvm", "-M", "pc", "-m", "16", "-nodefaults", "-display", "none", "-qmp", "stdio"],
                             input=hello, capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        return "QEMU with KVM did not answer for 20 s"
    return None if run.returncode == 0 else f"QEMU with KVM: {run.stderr.strip() or run.returncode}"


def accelerator():
    """"kvm" where it works, else "tcg"; FTD_TEST_ACCEL overrides."""
    return os.environ.get("FTD_TEST_ACCEL") or ("tcg" if kvm_fault() else "kvm")
