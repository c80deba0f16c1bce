"""Who vouched for whom: a sign-in or a RADIUS answer that let somebody through a gateway is evidence of the gateway's hop."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from countersign.visits import facts as f
from countersign.visits.facts import Fact
from countersign.visits.sessions import SECOND
from countersign.visits.trees import Node

DOORS = frozenset({"vpn", "bastion"})
"""Kinds of session that an identity provider opens on behalf of a gateway."""
GATEWAY_WITHIN = 600 * SECOND
"""A tunnel opens within this time of the sign-in for it: the client still has to be started, a posture to be checked."""
GATEWAY_AFTER = 30 * SECOND
"""... and a sign-in's record may come this much after, when clocks differ."""
RADIUS = frozenset({"Network Policy Server"})
_WORDS = re.compile(
    r"vpn|anyconnect|globalprotect|fortigate|forticlient|netscaler|citrix gateway|connect secure|pulse|sonicwall|check ?point"
    r"|remote access|radius|bastion|teleport|cyberark|beyondtrust|wallix|guacamole|secret server|privileged"
)


def is_gateway(application: str, hosts: Iterable[str]) -> bool:
    """Whether an identity provider's application is a way in: its name says so, or has the gateway's in it."""
    text = application.casefold()
    if not text:
        return False
    labels = {host.split(".")[0].casefold() for host in hosts}
    return _WORDS.search(text) is not None or any(len(label) > 3 and label in text for label in labels)


def vouched(node: Node, *, mfa: bool) -> None:
    """Takes an identity provider's word on the second factor where the gateway says nothing of it."""
    for session in node.arrival.sessions:
        if session.mfa is None:
            session.mfa = mfa


def radius(found: Iterable[Fact], nodes: list[Node]) -> None:
    """Access-Accepts of a RADIUS server become evidence of the tunnel that they opened."""
    doors: dict[str, list[Node]] = defaultdict(list)
    for node in nodes:
        if node.arrival.lead.kind in DOORS:
            doors[node.arrival.account.key[1]].append(node)
    for fact in sorted(found, key=lambda fact: fact.order):
        if (
            fact.product not in RADIUS
            or fact.class_uid != f.AUTHENTICATION
            or (fact.activity, fact.status) != (1, 1)
        ):
            continue
        near = [
            node
            for node in doors.get(fact.user.key[1], ())
            if node.arrival.account.same_as(fact.user)
            and -GATEWAY_AFTER <= node.arrival.begun - fact.time <= GATEWAY_WITHIN
            and (not fact.src_ip or node.arrival.source_ip in {"", fact.src_ip})
        ]
        if near:
            node = min(near, key=lambda node: (abs(node.arrival.begun - fact.time), node.arrival.id))
            node.proof.append(fact)
            if fact.mfa is not None:
                vouched(node, mfa=fact.mfa)
