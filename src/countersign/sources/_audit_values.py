"""What the Linux audit system writes, turned back: hexadecimal text, arguments, socket addresses, numbers of system calls.

References: audit_log_untrustedstring in kernel/audit.c, audit_log_execve_info in kernel/auditsc.c, sockaddr in socket(7), ip(7),
ipv6(7), unix(7); arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from countersign.sources._address import address, port

_HEX = re.compile(r"(?:[0-9A-F]{2})+$")
_PART = re.compile(r"a(\d{1,6})(?:\[(\d{1,6})\])?$")
_EVENT = re.compile(rb"audit\(([^()]{1,80})\) ?:")
_NODE = re.compile(rb"node=(\S{1,255}) ")
_LONGEST_LINE = 32_768
_MOST_ARGUMENTS = 10_000
_INTERPRETED = re.compile(r"(?:laddr|addr)=(\S{1,64})(?: lport=(\d{1,5}))?")

_X86_64 = {
    "0": "read", "1": "write", "2": "open", "9": "mmap", "10": "mprotect", "21": "access", "41": "socket", "42": "connect",
    "43": "accept", "44": "sendto", "49": "bind", "50": "listen", "56": "clone", "57": "fork", "58": "vfork", "59": "execve",
    "60": "exit", "62": "kill", "82": "rename", "83": "mkdir", "84": "rmdir", "85": "creat", "86": "link", "87": "unlink",
    "88": "symlink", "90": "chmod", "91": "fchmod", "92": "chown", "93": "fchown", "94": "lchown", "99": "sysinfo",
    "101": "ptrace", "103": "syslog", "105": "setuid", "106": "setgid", "113": "setreuid", "117": "setresuid", "132": "utime",
    "133": "mknod", "135": "personality", "155": "pivot_root", "157": "prctl", "161": "chroot", "164": "settimeofday",
    "165": "mount", "166": "umount2", "169": "reboot", "170": "sethostname", "175": "init_module", "176": "delete_module",
    "188": "setxattr", "227": "clock_settime", "246": "kexec_load", "257": "openat", "258": "mkdirat", "259": "mknodat",
    "260": "fchownat", "263": "unlinkat", "264": "renameat", "265": "linkat", "266": "symlinkat", "268": "fchmodat",
    "272": "unshare", "280": "utimensat", "288": "accept4", "298": "perf_event_open", "303": "name_to_handle_at",
    "304": "open_by_handle_at", "308": "setns", "310": "process_vm_readv", "311": "process_vm_writev", "313": "finit_module",
    "316": "renameat2", "319": "memfd_create", "320": "kexec_file_load", "321": "bpf", "322": "execveat",
}  # fmt: skip
_GENERIC = {
    "33": "mknodat", "34": "mkdirat", "35": "unlinkat", "36": "symlinkat", "37": "linkat", "38": "renameat", "39": "umount2",
    "40": "mount", "41": "pivot_root", "51": "chroot", "52": "fchmod", "53": "fchmodat", "54": "fchownat", "55": "fchown",
    "56": "openat", "63": "read", "64": "write", "88": "utimensat", "92": "personality", "97": "unshare", "104": "kexec_load",
    "105": "init_module", "106": "delete_module", "112": "clock_settime", "116": "syslog", "117": "ptrace", "129": "kill",
    "142": "reboot", "146": "setuid", "161": "sethostname", "167": "prctl", "179": "sysinfo", "198": "socket", "200": "bind",
    "201": "listen", "202": "accept", "203": "connect", "206": "sendto", "220": "clone", "221": "execve", "222": "mmap",
    "226": "mprotect", "242": "accept4", "268": "setns", "270": "process_vm_readv", "271": "process_vm_writev",
    "273": "finit_module", "276": "renameat2", "279": "memfd_create", "280": "bpf", "281": "execveat", "294": "kexec_file_load",
}  # fmt: skip
TYPES: Mapping[str | None, str] = {
    "1006": "LOGIN", "1100": "USER_AUTH", "1101": "USER_ACCT", "1102": "USER_MGMT", "1103": "CRED_ACQ", "1104": "CRED_DISP",
    "1105": "USER_START", "1106": "USER_END", "1107": "USER_AVC", "1108": "USER_CHAUTHTOK", "1109": "USER_ERR",
    "1110": "CRED_REFR", "1112": "USER_LOGIN", "1113": "USER_LOGOUT", "1114": "ADD_USER", "1115": "DEL_USER",
    "1116": "ADD_GROUP", "1117": "DEL_GROUP", "1123": "USER_CMD", "1124": "USER_TTY", "1130": "SERVICE_START",
    "1131": "SERVICE_STOP", "1132": "GRP_MGMT", "1300": "SYSCALL", "1302": "PATH", "1305": "CONFIG_CHANGE", "1306": "SOCKADDR",
    "1307": "CWD", "1309": "EXECVE", "1319": "TTY", "1326": "SECCOMP", "1327": "PROCTITLE", "1400": "AVC",
}  # fmt: skip
"""Numbers of record types, which the kernel writes where auditd does not run."""
SYSCALLS: Mapping[tuple[Any, Any], str] = {
    **{("c000003e", number): name for number, name in _X86_64.items()},
    **{("c00000b7", number): name for number, name in _GENERIC.items()},
}
"""(arch, number) -> name, for those that rules and reviews ask for."""


def event_of(line: bytes) -> bytes | None:
    """What the lines of one audit event have in common: time and serial, and the machine where it is named; None for other
    lines."""
    found = _EVENT.search(line, 0, 1024)
    if found is None:
        return None
    node = _NODE.search(line, 0, found.start())
    return found[1] if node is None else b"%b %b" % (node[1], found[1])


@lru_cache(maxsize=16_384)
def decoded_hex(value: str) -> str:
    """Text that the kernel wrote in hexadecimal; NULs, which part arguments, become blanks."""
    if len(value) < 2 or not _HEX.match(value):
        return value
    return bytes.fromhex(value).rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "replace")


def arguments(rows: Sequence[dict[str, Any]]) -> str | None:
    """The command line in the EXECVE records of one event. The first of them gets it as `cmdline`, and those arguments whole
    that the kernel had to write in parts."""
    parts: dict[int, dict[int, str]] = {}
    for row in rows:
        for name, value in row.items():
            match = _PART.match(name) if name[:1] == "a" else None
            if match is not None and isinstance(value, str) and len(parts) < _MOST_ARGUMENTS:
                parts.setdefault(int(match[1]), {})[int(match[2] or 0)] = value
    if not parts:
        return None
    words = {
        number: "".join([piece for _, piece in sorted(pieces.items())])
        for number, pieces in sorted(parts.items())
    }
    for number, pieces in parts.items():
        if len(pieces) > 1:
            rows[0].setdefault(f"a{number}", words[number])
    rows[0]["cmdline"] = line = _line(tuple(words.values()))
    return line


@lru_cache(maxsize=8192)
def _line(words: tuple[str, ...]) -> str:
    return " ".join([shlex.quote(word) if not word or " " in word else word for word in words])[
        :_LONGEST_LINE
    ]


@lru_cache(maxsize=8192)
def socket_address(value: str) -> tuple[str | None, int | None]:
    """Address and port of a `saddr`, in hexadecimal or interpreted; None for what is no internet socket."""
    match = _INTERPRETED.search(value)
    if match is not None:
        return address(match[1]), port(match[2] or "")
    try:
        raw = bytes.fromhex(value)
    except ValueError:
        return None, None
    family = int.from_bytes(raw[:2], "little")
    number = int.from_bytes(raw[2:4], "big") or None
    if family == 2 and len(raw) >= 8:
        return ".".join(map(str, raw[4:8])), number
    if family == 10 and len(raw) >= 24:
        return address(":".join(f"{raw[at]:02x}{raw[at + 1]:02x}" for at in range(8, 24, 2))), number
    return None, None
