"""Forbid the system calls that reading a file does not need. Linux on x86-64 and ARM64; elsewhere nothing happens.

A forbidden call fails with EPERM: opening files and sockets, starting processes, sending signals to others.
Sources: seccomp(2), linux/filter.h, linux/seccomp.h, and the system call tables of the kernel.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import signal
import struct
import sys
from typing import NamedTuple

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2

_LOAD_WORD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K
_ALLOW = 0x7FFF0000
_ERROR = 0x00050000 | errno.EPERM
_NUMBER_OFFSET, _ARCHITECTURE_OFFSET = 0, 4


class CallTable(NamedTuple):
    """The audit architecture and the numbers of the allowed system calls."""

    architecture: int
    numbers: dict[str, int]


_X86_64 = (
    "read=0 write=1 close=3 fstat=5 lseek=8 mmap=9 mprotect=10 munmap=11 brk=12 rt_sigaction=13 rt_sigprocmask=14 "
    "rt_sigreturn=15 ioctl=16 pread64=17 readv=19 writev=20 sched_yield=24 mremap=25 madvise=28 getpid=39 exit=60 "
    "uname=63 fcntl=72 getrusage=98 sysinfo=99 times=100 sigaltstack=131 gettid=186 futex=202 sched_getaffinity=204 "
    "restart_syscall=219 clock_gettime=228 exit_group=231 getrandom=318 membarrier=324 rseq=334 gettimeofday=96"
)
_ARM64 = (
    "read=63 write=64 close=57 fstat=80 lseek=62 mmap=222 mprotect=226 munmap=215 brk=214 rt_sigaction=134 "
    "rt_sigprocmask=135 rt_sigreturn=139 ioctl=29 pread64=67 readv=65 writev=66 sched_yield=124 mremap=216 "
    "madvise=233 getpid=172 exit=93 uname=160 fcntl=25 getrusage=165 sysinfo=179 times=153 sigaltstack=132 gettid=178 "
    "futex=98 sched_getaffinity=123 restart_syscall=128 clock_gettime=113 exit_group=94 getrandom=278 membarrier=283 "
    "rseq=293 gettimeofday=169"
)


def _table(architecture: int, text: str) -> CallTable:
    pairs = (each.partition("=") for each in text.split())
    return CallTable(architecture, {name: int(number) for name, _, number in pairs})


def call_table() -> CallTable | None:
    """Return the table of this machine; None where there is none."""
    machine = platform.machine() if sys.platform == "linux" else ""
    if sys.maxsize <= 1 << 32:
        return None
    if machine == "x86_64":
        return _table(0xC000003E, _X86_64)
    if machine == "aarch64":
        return _table(0xC00000B7, _ARM64)
    return None


def end_with_parent() -> None:
    """On Linux, end this process when the thread that started it ends. Source: PR_SET_PDEATHSIG(2const)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def forbid_other_calls(table: CallTable) -> bool:
    """Forbid all system calls that are not in the table, for the rest of this process; False if the kernel cannot."""
    filters = _program(table)
    code = ctypes.create_string_buffer(b"".join(filters))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(filters), ctypes.addressof(code)))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    return bool(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0) == 0)


def _program(table: CallTable) -> list[bytes]:
    """Return the filter: instructions of code, jump if true, jump if false, and operand."""
    numbers = sorted(table.numbers.values())
    checks = [struct.pack("=HBBI", _JUMP_EQUAL, len(numbers) - at, 0, number) for at, number in enumerate(numbers)]
    return [
        struct.pack("=HBBI", _LOAD_WORD, 0, 0, _ARCHITECTURE_OFFSET),
        struct.pack("=HBBI", _JUMP_EQUAL, 1, 0, table.architecture),
        struct.pack("=HBBI", _RETURN, 0, 0, _ERROR),
        struct.pack("=HBBI", _LOAD_WORD, 0, 0, _NUMBER_OFFSET),
        *checks,
        struct.pack("=HBBI", _RETURN, 0, 0, _ERROR),
        struct.pack("=HBBI", _RETURN, 0, 0, _ALLOW),
    ]
