"""Databases in MaxMind's format, written for tests: IPv4 networks, records of 24 bits.

Reference: https://maxmind.github.io/MaxMind-DB/.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_MARK = b"\xab\xcd\xefMaxMind.com"


def write_mmdb(path: Path, networks: Mapping[str, Mapping[str, Any]]) -> Path:
    """A database of these networks, each with its record."""
    nodes: list[list[int | None]] = [[None, None]]
    leaves: dict[tuple[int, int], int] = {}
    data = b""
    for text, body in networks.items():
        network = ipaddress.IPv4Network(text)
        bits = [int(network.network_address) >> (31 - place) & 1 for place in range(network.prefixlen)]
        node = 0
        for bit in bits[:-1]:
            following = nodes[node][bit]
            if following is None:
                following = nodes[node][bit] = len(nodes)
                nodes.append([None, None])
            node = following
        leaves[node, bits[-1]] = len(data)
        data += _encoded(body)
    count = len(nodes)
    tree = b""
    for number, pair in enumerate(nodes):
        for bit, following in enumerate(pair):
            at = leaves.get((number, bit))
            value = count + 16 + at if at is not None else count if following is None else following
            tree += value.to_bytes(3, "big")
    metadata = {
        "node_count": count,
        "record_size": 24,
        "ip_version": 4,
        "database_type": "Test",
        "languages": [],
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1_763_632_800,
        "description": {},
    }
    path.write_bytes(tree + bytes(16) + data + _MARK + _encoded(metadata))
    return path


_SHORT = ("record_size", "ip_version", "binary_format_major_version", "binary_format_minor_version")


def _encoded(value: Any, name: str = "") -> bytes:
    if isinstance(value, Mapping):
        parts = [_encoded(key) + _encoded(inner, key) for key, inner in value.items()]
        return bytes([7 << 5 | len(value)]) + b"".join(parts)
    if isinstance(value, list):
        return bytes([len(value), 11 - 7]) + b"".join(map(_encoded, value))
    if isinstance(value, int) and name in _SHORT:
        return bytes([5 << 5 | 2]) + struct.pack(">H", value)
    if isinstance(value, int) and name == "build_epoch":
        return bytes([8, 9 - 7]) + struct.pack(">Q", value)
    if isinstance(value, int):
        return bytes([6 << 5 | 4]) + struct.pack(">I", value)
    text = str(value).encode()
    if len(text) < 29:
        return bytes([2 << 5 | len(text)]) + text
    return bytes([2 << 5 | 29, len(text) - 29]) + text
