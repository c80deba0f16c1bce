"""WireGuard: handshakes and refused packets as the kernel writes them (dynamic debug), and `wg show all dump`.

For an auditor WireGuard knows keys, not people: a peer is its public key and the inner addresses that it may use, and
whoever holds the key is the peer. There is no logon and no end: silence for three minutes is all there is. The kernel's lines name
peers by a number of its own; only the dump joins a key, its inner addresses, the outer address last seen and the time of the last
handshake. A dump also holds the interface's private key: it is kept out of the fields (the sealed bytes have it).

References: Linux drivers/net/wireguard (receive.c, send.c, timers.c, peer.c), Documentation/admin-guide/dynamic-debug-howto;
wg(8), `show ... dump`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from countersign.sources._address import address, endpoint
from countersign.sources._convert import said
from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._mapping import Step, What
from countersign.sources._mapping import endpoint as end_of
from countersign.sources._payload import Payload, line_source
from countersign.sources._programs import Understood
from countersign.sources._times import epoch

_Columns = dict[str, object]

_MESSAGE = re.compile(r"(?:\[ {0,8}\d{1,9}\.\d{1,6}\] )?wireguard: ([\w.=+-]{1,15}): (.*)$")
_PEER = re.compile(r"peer (\d{1,18}) \(([^)\s]{1,64})\)", re.IGNORECASE)
_FROM = re.compile(r"from (\S{1,64}:\d{1,5})$")
_UNALLOWED = re.compile(r"Packet has unallowed (src|dst) IP \((\S{1,64})\)")


def understand(program: str, pid: str | None, message: str) -> Understood | None:
    """A line of the kernel's module."""
    del program, pid
    match = _MESSAGE.match(message)
    if match is None:
        return None
    interface, text = match.groups()
    columns = _kind(text) | {
        "tunnel_type": "wireguard",
        "tunnel_interface.name": interface,
        "metadata.product": "WireGuard",
    }
    columns["metadata.log_name"] = "wireguard"
    fields: _Columns = {}
    place = _FROM.search(text)
    outer = place[1] if place else None
    if (peer := _PEER.search(text)) is not None:
        fields["peer"], outer = peer[1], peer[2]
        columns["session.uid"] = f"wireguard:{interface}:{peer[1]}"
    if outer:
        host, _, number = outer.rpartition(":")
        columns |= endpoint("src_endpoint", host, number)
    if (refused := _UNALLOWED.match(text)) is not None and (inner := address(refused[2])) is not None:
        fields["inner"] = inner
    return columns, fields, None


def _kind(text: str) -> _Columns:
    """A handshake that was answered is the only sign that a key's holder is there."""
    if text.startswith("Invalid "):
        return {
            "class_uid": 4014,
            "activity_id": 1,
            "status_id": 2,
            "status_detail": text.partition(" from ")[0],
        }
    if text.startswith("Packet has unallowed"):
        return {"class_uid": 4001, "activity_id": 5, "status_id": 2, "action_id": 2}
    if text.startswith("Receiving handshake initiation from peer"):
        return {"class_uid": 4014, "activity_id": 1, "status_id": 1}
    return {"class_uid": 4014, "activity_id": 99}


_INTERFACE = ("interface", "private_key", "public_key", "listen_port", "fwmark")
_OF_PEER = (
    "interface", "peer_public_key", "preshared_key", "endpoint", "allowed_ips", "latest_handshake", "rx", "tx", "keepalive",
)  # fmt: skip
_KEY = re.compile(r"[A-Za-z0-9+/]{43}=")
_SECRET = frozenset({"private_key", "preshared_key"})


def _read(text: str) -> dict[str, Any] | None:
    cells = text.split("\t")
    names = _OF_PEER if len(cells) == 9 else _INTERFACE if len(cells) == 5 else None
    if names is None or not _KEY.fullmatch(cells[1]) or not (len(cells) == 9 or _KEY.fullmatch(cells[2])):
        return None
    row: dict[str, Any] = {name: cell for name, cell in zip(names, cells, strict=True) if name not in _SECRET}
    row["preshared"] = "no" if cells[2] == "(none)" else "yes"
    if len(cells) == 5:
        del row["preshared"]
    if row.get("endpoint") == "(none)":
        del row["endpoint"]
    if row.get("latest_handshake") == "0":
        row["latest_handshake"] = ""  # never
    return row


def _inner(allowed: object) -> Sequence[object]:
    """The first whole address among those that a peer may use."""
    for part in (said(allowed) or "").split(",")[:64]:
        net, _, bits = part.strip().partition("/")
        found = address(net)
        if found is not None and bits in {"", "32", "128"}:
            return (found,)
    return (None,)


DUMP = Family(
    name="wireguard.dump",
    title="WireGuard `wg show all dump`",
    page="vpn",
    product="WireGuard",
    vendor="",
    match=lambda row: "interface" in row and ("listen_port" in row or "peer_public_key" in row),
    time=(epoch("latest_handshake", "s"),),
    log="=wireguard",
    what=What(
        4014,
        99,
        columns={
            "tunnel_interface.name": "interface",
            "user.credential_uid": "peer_public_key",
            "traffic.bytes_out": "rx",
            "traffic.bytes_in": "tx",
        },
        steps=(Step(("allowed_ips",), ("tunnel_interface.ip",), _inner), end_of("src_endpoint", "endpoint")),
        constants={"tunnel_type": "wireguard"},
    ),
)


class _Dump(Payload):
    """A dump has no word at its beginning: every line is asked."""

    def find(self, text: str) -> tuple[int, Row] | None:
        row = self.read(text)
        return None if row is None else (0, row)


SOURCES = (line_source(DUMP, _Dump(("\t",), _read)),)
