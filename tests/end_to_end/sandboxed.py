"""Runs a command under what a unit file forbids, as far as a process can forbid it to itself without systemd.

These directives are applied as systemd does it, with libseccomp (systemd.exec, "Sandboxing"): SystemCallFilter=,
RestrictAddressFamilies=, MemoryDenyWriteExecute=, RestrictNamespaces=, NoNewPrivileges=, an empty
CapabilityBoundingSet=, UMask=, LimitCORE=. Those that make another view of the file system are not.

    python sandboxed.py UNIT COMMAND [ARGUMENT]...
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

ALLOW: Final = 0x7FFF0000
ERRNO: Final = 0x00050000
MASKED_EQUAL: Final = 7
EQUAL: Final = 4
"""linux/seccomp.h and seccomp.h (libseccomp)."""

PR_CAPBSET_DROP: Final = 24
PR_SET_NO_NEW_PRIVS: Final = 38
LAST_CAPABILITY: Final = 63
"""linux/prctl.h; more capabilities do not fit."""

WRITE, EXECUTE = 2, 4
FAMILIES: Final = 46
"""PROT_ of linux/mman.h; AF_MAX of linux/socket.h."""


class Comparison(ctypes.Structure):
    """scmp_arg_cmp: an argument of a system call, and what it must be for a rule to count."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("how", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


class Filter:
    """A filter of system calls that is put on this process and all that it becomes."""

    def __init__(self, otherwise: int) -> None:
        self._library: Final = ctypes.CDLL("libseccomp.so.2")
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._context: Final = ctypes.c_void_p(self._library.seccomp_init(ctypes.c_uint32(otherwise)))

    def add(self, action: int, call: str, *comparisons: tuple[int, int, int, int]) -> None:
        """A rule; a call that this machine does not know needs none."""
        number = self._library.seccomp_syscall_resolve_name(call.encode())
        if number < 0:
            return
        rules = (Comparison * len(comparisons))(*(Comparison(*each) for each in comparisons))
        failed = self._library.seccomp_rule_add_array(
            self._context, ctypes.c_uint32(action), number, ctypes.c_uint(len(comparisons)), rules
        )
        if failed:
            raise OSError(-failed, f"no rule for {call}")

    def load(self) -> None:
        """From now on it counts."""
        failed = self._library.seccomp_load(self._context)
        if failed:
            raise OSError(-failed, "the filter cannot be loaded")


def directives(unit: Path, name: str) -> list[str]:
    """Every value of a directive, in its order."""
    lines = unit.read_text().splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]


def groups() -> dict[str, list[str]]:
    """What is in systemd's groups of system calls."""
    told = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager"], check=True, capture_output=True, text=True
    )
    found: dict[str, list[str]] = {}
    name = ""
    for line in told.stdout.splitlines():
        word = line.strip()
        if line.startswith("@"):
            name = word
            found[name] = []
        elif line.startswith(" ") and word and not word.startswith("#"):
            found.setdefault(name, []).append(word)
    return found


def calls(words: list[str], known: dict[str, list[str]]) -> set[str]:
    """The system calls that words of a filter stand for."""
    found: set[str] = set()
    for word in words:
        found |= calls(known[word], known) if word.startswith("@") else {word}
    return found


def allowed(unit: Path) -> set[str]:
    """The system calls that a unit allows; those that begin every filter are always allowed."""
    known, found = groups(), set[str]()
    for value in directives(unit, "SystemCallFilter"):
        words = value.removeprefix("~").split()
        found = found - calls(words, known) if value.startswith("~") else found | calls(words, known)
    return found | calls(["@default"], known)


def forbid_by_argument(unit: Path) -> None:
    """What is forbidden of calls that are allowed otherwise."""
    rules = Filter(ALLOW)
    if directives(unit, "MemoryDenyWriteExecute") == ["yes"]:
        both = WRITE | EXECUTE
        rules.add(ERRNO | errno.EPERM, "mmap", (2, MASKED_EQUAL, both, both))
        for call in ("mprotect", "pkey_mprotect"):
            rules.add(ERRNO | errno.EPERM, call, (2, MASKED_EQUAL, EXECUTE, EXECUTE))
    if directives(unit, "RestrictNamespaces") == ["yes"]:
        rules.add(ERRNO | errno.EPERM, "unshare")
        rules.add(ERRNO | errno.EPERM, "setns")
        rules.add(ERRNO | errno.ENOSYS, "clone3")
    names = " ".join(directives(unit, "RestrictAddressFamilies")).split()
    admitted = {int(getattr(socket, name)) for name in names}
    for family in set(range(FAMILIES)) - admitted if names else ():
        rules.add(ERRNO | errno.EAFNOSUPPORT, "socket", (0, EQUAL, family, 0))
    rules.load()


def forbid_calls(unit: Path) -> None:
    """All system calls but those that are allowed."""
    rules = Filter(ERRNO | errno.EPERM)
    for call in allowed(unit) | {"execve"}:
        rules.add(ALLOW, call)
    rules.load()


def give_up_rights() -> None:
    """No capabilities any more from the next program on, and no way to any."""
    system = ctypes.CDLL(None, use_errno=True)
    for capability in range(LAST_CAPABILITY + 1):
        system.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    if system.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0o077)


if __name__ == "__main__":
    its_unit = Path(sys.argv[1])
    give_up_rights()
    forbid_by_argument(its_unit)
    forbid_calls(its_unit)
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - it becomes the command that it was given
