"""docs/json.md and the model name every protocol and kind of action that stitching can come to, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import get_args

from countersign.agreements.terms import Protocol
from countersign.model.visit import ACTION_KINDS, PROTOCOLS
from countersign.visits import changes, cloud_stays, clouds, deeds, departures, keyed, sensors, trees, words
from countersign.visits.clients import called

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "json.md").read_text("utf-8")
MODULES = sorted((ROOT / "src" / "countersign" / "visits").glob("*.py"))
COMMANDS = (
    "ssh h",
    "mstsc /v:h",
    "winrs -r:h x",
    "wmic /node:h x",
    "schtasks /s h",
    r"sc \\h x",
    r"net use \\\\h",
)


def returned(*functions: object) -> set[str]:
    """Texts that functions return."""
    found: set[str] = set()
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name in functions:
                for part in ast.walk(node):
                    if isinstance(part, ast.Return) and part.value is not None:
                        found |= {
                            c.value
                            for c in ast.walk(part.value)
                            if isinstance(c, ast.Constant) and isinstance(c.value, str)
                        }
    return found


def producible() -> set[str]:
    ways = {*trees._ORDER, *deeds._PIPES.values(), *deeds._HOSTING.values()}
    ways |= {*departures.PORTS.values(), *keyed.REMOTE.values(), *keyed.REMOTE_KEYS.values()}
    ways |= {
        *changes._PROGRAMS.values(),
        *keyed._TARGET_PROTOCOLS.values(),
        *clouds.WORDS.values(),
        *sensors.ALONE,
    }
    ways |= {found[0] for command in COMMANDS if (found := called(command.split()[0], command))}
    ways |= {"vpn", "ssh", "bastion", "network", "signin"}  # keyed._where, clouds._session
    return (ways | returned("protocol", "protocol_of")) - {""}


def listed(start: str) -> set[str]:
    (words_,) = re.findall(start + r"`([a-z0-9 ]+)`", PAGE)
    return set(words_.split())


def test_every_protocol_is_named() -> None:
    assert producible() == set(PROTOCOLS)
    assert listed(r"\| `protocol` \| ") == set(PROTOCOLS)
    assert set(clouds.WORDS) == set(cloud_stays.NAMES)


def test_agreements_name_the_same_protocols() -> None:
    assert set(get_args(Protocol)) == set(PROTOCOLS)


def test_every_kind_of_action_is_named() -> None:
    made = {*words._KINDS.values(), words.CREDENTIAL, "network"}
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Act":
                made |= {
                    c.value
                    for c in ast.walk(node.args[1])
                    if isinstance(c, ast.Constant) and isinstance(c.value, str)
                } - {"login"}
    assert made == set(ACTION_KINDS)
    assert listed(r"leaf\}`; kind is ") == set(ACTION_KINDS)
