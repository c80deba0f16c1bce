"""Each hop held to the grants.

A hop is held to the one grant that comes nearest: first a grant with nothing against it, else the one that
agrees longest in the order of `ASPECTS`. Of a grant that leads to the hop's host every aspect counts. Where no
grant of that person leads there, the later aspects are asked of all the person's grants together, so that a
visit to the wrong host at the right hour is not called late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from types import MappingProxyType

from countersign.agreements.accounts import Login
from countersign.agreements.answer import YES, Answer, best, no, unknown
from countersign.agreements.hearing import CLOUDS, Asked, Door, Hearing, place, protocol_among
from countersign.agreements.problem import echo
from countersign.agreements.schedule import DAYS, zone_of
from countersign.agreements.terms import Agreement, Grant
from countersign.model.visit import Hop

ASPECTS = ("who", "to", "by", "via", "as", "when", "until", "mfa", "ticket")
"""From what a grant is about to how it is hedged."""

_STEPS = frozenset({"su", "sudo", "service"})
"""Not arrivals but steps within a host; `by` says how one arrives."""

TOOLS = frozenset(
    {"anydesk", "kaseya", "ninjaone", "screenconnect", "simplehelp", "takecontrol", "teamviewer"}
)
"""Remote-support tools: they come to the host itself, past all gateways."""

_OLDER = "logs that reach back to the beginning of this session"


def stated_aspects(agreement: Agreement) -> tuple[str, ...]:
    """The aspects that some grant limits."""
    limits: dict[str, Callable[[Grant], object]] = {
        "who": lambda _: True,
        "to": lambda _: True,
        "as": lambda _: True,
        "by": lambda grant: grant.by,
        "via": lambda grant: grant.via,
        "when": lambda grant: grant.when,
        "until": lambda grant: grant.until,
        "mfa": lambda grant: grant.mfa == "required",
        "ticket": lambda grant: grant.ticket == "required",
    }
    return tuple(aspect for aspect in ASPECTS if any(limits[aspect](grant) for grant in agreement.grants))


def ask_grants(hearing: Hearing) -> dict[str, list[Asked]]:
    """For each aspect what the hops answered; a hop that an aspect cannot be asked of is not among them."""
    out: dict[str, list[Asked]] = {aspect: [] for aspect in ASPECTS}
    for hop in hearing.hops:
        for aspect, answer in _held(hearing, hop).items():
            out[aspect].append(Asked(hop, hearing.certain(hop, answer)))
    return out


def _held(hearing: Hearing, hop: Hop) -> dict[str, Answer]:
    asked = [(_ask(hearing, hop, grant), grant.name) for grant in hearing.agreement.grants]
    answers, _ = max(asked, key=lambda pair: (_is_possible(pair[0]), _ranks(pair[0]), pair[1]))
    if answers["who"].value == "no":
        return {"who": answers["who"]}
    if answers["to"].value != "no":
        return answers
    own = [each for each, _ in asked if each["who"].value != "no"]
    later = ASPECTS[ASPECTS.index("to") + 1 :]
    return {
        "who": answers["who"],
        "to": _nowhere(hearing, hop),
        **{aspect: best(each[aspect] for each in own) for aspect in later},
    }


def _is_possible(answers: dict[str, Answer]) -> bool:
    return all(answer.value != "no" for answer in answers.values())


def _ranks(answers: dict[str, Answer]) -> tuple[int, ...]:
    return tuple(answers[aspect].rank for aspect in ASPECTS)


def _nowhere(hearing: Hearing, hop: Hop) -> Answer:
    who = hearing.identity(hop)
    names = sorted(grant.name for grant in hearing.agreement.grants if "*" in grant.who or who in grant.who)
    return no(f"{place(hop)}: no grant of {who} leads there ({', '.join(echo(name) for name in names[:4])})")


def _ask(hearing: Hearing, hop: Hop, grant: Grant) -> dict[str, Answer]:
    passage = _passage(hearing, hop)
    arrives = passage.value != "no"
    return {
        "who": _who(hearing, hop, grant),
        "to": passage if arrives else _to(hearing, hop, grant),
        "by": passage if arrives else _by(hop, grant),
        "via": _via(hearing, hop, grant),
        "as": _as(hearing, hop, grant),
        "when": _when(hearing, hop, grant),
        "until": _until(hearing, hop, grant),
        "mfa": _mfa(hearing, hop, grant),
        "ticket": _ticket(grant),
    }


def _passage(hearing: Hearing, hop: Hop) -> Answer:
    """Whether the hop is the entering of an agreed gateway, which needs no grant to the gateway itself."""
    return best(hearing.through(hop, door) for door in hearing.terms.doors)


def ask_entry(hearing: Hearing) -> Answer:
    """Whether the visit entered as agreed: through a gateway, or by a way that needs none, for a grant without `via` names it. No
    gateway of a network leads into a cloud: who came there by no such grant is not held to the gateways."""
    answer = hearing.entered(hearing.terms.doors)
    hop = hearing.entry
    if hop is None or answer.value != "no" or hop.protocol not in CLOUDS | TOOLS:
        return answer
    for grant in hearing.agreement.grants:
        if hop.protocol in grant.by and not grant.via:
            asked = (_who(hearing, hop, grant), _to(hearing, hop, grant))
            if all(one.value == "yes" for one in asked):
                return YES
    if hop.protocol in TOOLS:
        return answer
    return unknown(
        f"entered {hop.target} by {hop.protocol}, where no gateway of a network leads",
        f"a grant of the agreement `by` {hop.protocol}",
    )


def _who(hearing: Hearing, hop: Hop, grant: Grant) -> Answer:
    who = hearing.identity(hop)
    if who is not None:
        return YES if "*" in grant.who or who in grant.who else no(f"{place(hop)}: no grant names {who}")
    if Login.of(hop.account).is_blank:
        return unknown(f"{place(hop)}: the account is not recorded", "a logon record that names the account")
    owner = hearing.owner(hop)
    if owner.value == "unknown":
        return owner
    return no(f"{place(hop)} as {hop.account}, whom no grant names")


def _to(hearing: Hearing, hop: Hop, grant: Grant) -> Answer:
    answer = hearing.leads_to(hop, hearing.terms.targets[grant.name])
    return unknown(f"{place(hop)}: {answer.why}", answer.missing) if answer.value == "unknown" else answer


def _by(hop: Hop, grant: Grant) -> Answer:
    if not grant.by or hop.protocol in _STEPS:
        return YES
    if hop.protocol == "explicit" and hop.source.casefold() == hop.target.casefold():
        return YES
    answer = protocol_among(hop, grant.by)
    return (
        no(f"{place(hop)}: grant {echo(grant.name)} allows {', '.join(grant.by)}")
        if answer.value == "no"
        else answer
    )


def _via(hearing: Hearing, hop: Hop, grant: Grant) -> Answer:
    if not grant.via:
        return YES
    doors = [door for door in hearing.terms.doors if door.gateway.name in grant.via]
    path = hearing.path(hop)
    root = path[-1]
    answer = best(
        one
        for step in path
        for door in doors
        for one in (hearing.through(step, door), *_sources(hearing, step, root, door))
    )
    if answer.value == "yes":
        return YES
    names = " or ".join(grant.via)
    if answer.value == "no" and root.parent is None and root.link.kind == "entry":
        return no(f"{place(hop)}: not through {names} (grant {echo(grant.name)})")
    return unknown(
        f"{place(hop)}: the way in is not recorded", answer.missing or f"the log of gateway {names}"
    )


def _sources(hearing: Hearing, step: Hop, root: Hop, door: Door) -> Iterable[Answer]:
    """Where a hop came from counts for the entry; of later hops only where it is the gateway for certain."""
    answer = hearing.out_of(step, door)
    if step is root or answer.value == "yes":
        yield answer


def _as(hearing: Hearing, hop: Hop, grant: Grant) -> Answer:
    owner = hearing.owner(hop)
    entry = hearing.entry
    if owner.value == "yes" or (entry is not None and hop.id == entry.id):
        return YES
    login = Login.of(hop.account, None, hop.account_uid)
    if any(pattern.fits(login) for pattern in hearing.terms.switches[grant.name]):
        return YES
    if owner.value == "unknown":
        return unknown(f"{place(hop)}: {owner.why}", owner.missing)
    return no(
        f"{place(hop)} as {hop.account}, which is not declared for {hearing.identity(hop) or 'anybody'}"
    )


def _when(hearing: Hearing, hop: Hop, grant: Grant) -> Answer:
    if not grant.when:
        return YES
    if hop.start is None:
        return unknown(f"{place(hop)}: the session was open before the logs begin", _OLDER)
    zone = hearing.agreement.zone
    if any(schedule.covers(hop.start, zone) for schedule in grant.when):
        return YES
    first = grant.when[0]
    wall = first.local(hop.start, zone)
    outside = " and ".join(schedule.text(zone) for schedule in grant.when)
    return no(f"{place(hop)} at {_wall(wall)} {first.zone or zone}: outside {outside}")


def _wall(moment: datetime) -> str:
    return f"{moment:%H:%M} on {DAYS[moment.weekday()]} {moment:%Y-%m-%d}"


def _until(hearing: Hearing, hop: Hop, grant: Grant) -> Answer:
    if grant.until is None:
        return YES
    zone = zone_of(hearing.agreement.zone)
    start = hop.start
    if start is not None:
        if start.astimezone(zone).date() <= grant.until:
            return YES
        return no(
            f"{place(hop)} on {start.astimezone(zone).date()}: grant {echo(grant.name)} ended on {grant.until}"
        )
    if (hop.end or hearing.as_of).astimezone(zone).date() <= grant.until:
        return YES
    return unknown(f"{place(hop)}: the session was open before the logs begin", _OLDER)


def _mfa(hearing: Hearing, hop: Hop, grant: Grant) -> Answer:
    if grant.mfa != "required":
        return YES
    path = hearing.path(hop)
    if any(step.mfa for step in path):
        return YES
    if hop.mfa is False and len(path) == 1 and hop.parent is None:
        return no(f"{place(hop)}: entered without a second factor, which grant {echo(grant.name)} requires")
    return unknown(f"{place(hop)}: no log says whether a second factor was used", _mfa_source(hearing))


def _mfa_source(hearing: Hearing) -> str:
    protocols = {door.gateway.protocol for door in hearing.terms.doors}
    return (
        "VPN gateway log with MFA result"
        if "vpn" in protocols
        else "identity provider or gateway log with MFA result"
    )


def _ticket(grant: Grant) -> Answer:
    if grant.ticket != "required":
        return YES
    return unknown(
        f"grant {echo(grant.name)} requires a ticket, and no tickets are read", "ticket or change records"
    )


QUESTIONS = MappingProxyType(
    {
        "who": "was made by somebody whom a grant names",
        "to": "went where a grant leads",
        "by": "used a granted protocol",
        "via": "came through the gateway that its grant asks for",
        "as": "used a declared account",
        "when": "was inside the granted hours",
        "until": "was within the life of its grant",
        "mfa": "was entered with a second factor",
        "ticket": "had a ticket",
    }
)
"""What is said of every hop of a visit that keeps an aspect."""
