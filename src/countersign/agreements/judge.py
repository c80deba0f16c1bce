"""Every clause of an agreement gets a verdict on a visit: kept, broken, or not observed.

A pure function of the visit, the agreement, what the logs could have shown, and the moment it is asked as of.
What the logs cannot decide is `not observed` and names the source that would decide it; nothing uncertain is
ever kept or broken.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from countersign.agreements.accounts import Login
from countersign.agreements.answer import Answer, no, unknown
from countersign.agreements.coverage import Coverage
from countersign.agreements.granted import QUESTIONS, ask_entry, ask_grants, stated_aspects
from countersign.agreements.hearing import Asked, Hearing
from countersign.agreements.hosts import is_private, parse_address
from countersign.agreements.never import ask_never
from countersign.agreements.schedule import zone_of
from countersign.agreements.terms import Agreement
from countersign.model.visit import Hop, Reference, Verdict, VerdictKind, Visit

_VERDICTS: dict[str, VerdictKind] = {"yes": "kept", "no": "broken", "unknown": "not observed"}

_OLDER = "logs that reach back to the beginning of the visit"
_LOGOFF = "a logoff or disconnect record of the visit's last sessions"
_SAID = 3
"""Reasons that one verdict gives in words; the hops and records name the rest."""


def clauses(agreement: Agreement) -> tuple[str, ...]:
    """The names of all clauses that an agreement states, in the order of the verdicts.

    `contract.dates`, `identity.known`, `origin`, `gateway`, `grant.<aspect>`, `never.<name>`, `limits.<name>`.
    """
    limits = agreement.limits
    return (
        *(["contract.dates"] if agreement.contract else []),
        *(["identity.known"] if agreement.identities else []),
        *(["origin"] if agreement.origins else []),
        *(["gateway"] if agreement.gateways else []),
        *(f"grant.{aspect}" for aspect in stated_aspects(agreement)),
        *(f"never.{never.name}" for never in agreement.never),
        *(["limits.max_visit_hours"] if limits.max_visit_hours is not None else []),
        *(["limits.max_concurrent_visits"] if limits.max_concurrent_visits is not None else []),
    )


def granted_switches(
    visit: Visit, agreement: Agreement, coverage: Coverage, as_of: datetime
) -> frozenset[str]:
    """Ids of the visit's hops whose account is another than the person's, and one that a grant there lists under `as`."""
    if not any(hop.credential_switch for hop in visit.hops):
        return frozenset()
    hearing = Hearing(visit, agreement, coverage, as_of)
    return frozenset(hop.id for hop in visit.hops if hop.credential_switch and hearing.may_be(hop))


def judge(
    visit: Visit, agreement: Agreement, coverage: Coverage, as_of: datetime, *, concurrent: int | None = None
) -> tuple[Verdict, ...]:
    """One verdict for each of `clauses(agreement)`, in that order.

    `as_of` is aware; it decides what a visit without an end has already exceeded. `concurrent` is the greatest
    number of visits of this provider at one time during this one, itself included, None if nobody counted.
    """
    hearing = Hearing(visit, agreement, coverage, as_of)
    granted = ask_grants(hearing) if agreement.grants else {}
    never = {f"never.{clause.name}": clause for clause in agreement.never}
    out = []
    for clause in clauses(agreement):
        family, _, aspect = clause.partition(".")
        if family == "grant":
            out.append(_verdict(clause, granted[aspect], f"every hop {QUESTIONS[aspect]}"))
        elif family == "never":
            out.append(
                _verdict(
                    clause, ask_never(hearing, never[clause]), "it did not happen, and would have been seen"
                )
            )
        else:
            out.append(_of_visit(clause, hearing, concurrent))
    return tuple(out)


def _of_visit(clause: str, hearing: Hearing, concurrent: int | None) -> Verdict:
    """A clause that is asked of the visit or of its entry, not hop by hop."""
    if clause == "contract.dates":
        answer, hops = _contract(hearing), hearing.hops
    elif clause == "limits.max_visit_hours":
        answer, hops = _duration(hearing), hearing.hops
    elif clause == "limits.max_concurrent_visits":
        answer, hops = _concurrent(hearing, concurrent), hearing.hops[:1]
    else:
        entry = hearing.entry
        if entry is None:
            answer, hops = unknown("the entry of the visit is not in the logs", _OLDER), ()
        else:
            ask = {"identity.known": _identity, "origin": _origin, "gateway": _gateway}[clause]
            answer, hops = ask(hearing, entry), (entry,)
    return Verdict(
        clause,
        _VERDICTS[answer.value],
        answer.why,
        _records(Asked(hop, answer) for hop in hops),
        answer.missing,
        tuple(hop.id for hop in hops),
    )


def _verdict(clause: str, asked: list[Asked], kept: str) -> Verdict:
    """All hops together: broken if one breaks it, not observed if one may, kept if all keep it."""
    broken = [one for one in asked if one.answer.value == "no"]
    open_ = [one for one in asked if one.answer.value == "unknown"]
    if broken:
        return Verdict(clause, "broken", _whys(broken), _records(broken), "", _hops(broken))
    if open_:
        missing = "; ".join(_first(one.answer.missing for one in open_))
        return Verdict(clause, "not observed", _whys(open_), _records(open_), missing, _hops(open_))
    if not asked:
        missing = "a grant that names the person, or logs with hops of this visit"
        return Verdict(clause, "not observed", "there was no hop that this could be asked of", (), missing)
    return Verdict(clause, "kept", kept, _records(asked), "", _hops(asked))


def _hops(asked: Iterable[Asked]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.hop.id for one in asked))


def _records(asked: Iterable[Asked]) -> tuple[Reference, ...]:
    found = {record for one in asked for record in (one.records or one.hop.records)}
    return tuple(
        sorted(
            found, key=lambda one: (one.event, one.segment, one.record, -1 if one.leaf is None else one.leaf)
        )
    )


def _whys(asked: list[Asked]) -> str:
    reasons = list(dict.fromkeys(one.answer.why for one in asked if one.answer.why))
    text = "; ".join(reasons[:_SAID])
    return f"{text}; and {len(reasons) - _SAID} more" if len(reasons) > _SAID else text


def _first(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))[:_SAID]


def _moments(hearing: Hearing) -> list[datetime]:
    """Every moment at which the visit is known to have been there, in order."""
    visit = hearing.visit
    found = {visit.start, visit.end}
    for hop in hearing.hops:
        if not hearing.is_doubtful(hop):
            found |= {hop.start, hop.end, *(action.time for action in hop.actions)}
    return sorted(moment for moment in found if moment is not None)


def _contract(hearing: Hearing) -> Answer:
    contract = hearing.agreement.contract
    moments = _moments(hearing)
    if contract is None or not moments:
        return unknown("nothing says when this visit was", _OLDER)
    zone = zone_of(hearing.agreement.zone)
    first, last = (moment.astimezone(zone).date() for moment in (moments[0], moments[-1]))
    if first < contract.start:
        return no(f"it was there on {first}, and the contract begins on {contract.start}")
    if contract.end is not None and last > contract.end:
        return no(f"it was there on {last}, and the contract ended on {contract.end}")
    if hearing.visit.start is None:
        return unknown("it was there before the logs begin", _OLDER)
    ended = hearing.visit.end or hearing.as_of
    if contract.end is not None and ended.astimezone(zone).date() > contract.end:
        return unknown(f"nothing says that it ended before the contract did on {contract.end}", _LOGOFF)
    return Answer("yes", f"within the contract, {contract.start} to {contract.end or 'further notice'}")


def _identity(hearing: Hearing, entry: Hop) -> Answer:
    who = hearing.identity(entry)
    if who is not None:
        shared = any(one.shared for one in hearing.agreement.identities if one.name == who)
        also = ", an account that several people share" if shared else ""
        return Answer("yes", f"entered as {who} ({entry.account}){also}")
    if Login.of(entry.account).is_blank:
        return unknown(
            "the entry does not say which account was used",
            "a logon or gateway record that names the account",
        )
    owner = hearing.owner(entry)
    if owner.value == "unknown":
        return owner
    provider = hearing.agreement.provider.name
    return no(f"entered as {entry.account}, which is not declared as an account of {provider}")


def _origin(hearing: Hearing, entry: Hop) -> Answer:
    terms = hearing.terms
    known = hearing.known_as(entry.source_ip, entry.source)
    where = entry.source_ip or entry.source
    if not known or entry.protocol == "console":
        return unknown(
            "the entry has no source address",
            f"gateway log, or the logon record of {entry.target} with its source address",
        )
    if "yes" in {terms.networks.holds(known).value, terms.places.holds(known).value}:
        return Answer("yes", f"came from {where}, an agreed origin")
    inner = sorted(door.gateway.name for door in terms.doors if hearing.out_of(entry, door).value == "yes")
    if inner:
        return unknown(
            f"came out of gateway {inner[0]}, which hides the origin", f"the log of gateway {inner[0]}"
        )
    address = next((found for text in known if (found := parse_address(text)) is not None), None)
    if address is None:
        return unknown(
            f"came from {where}, whose address is not known", f"a record of the address of {where}"
        )
    if is_private(address):
        return unknown(
            f"came from {where}, an address that has no meaning outside",
            "log of the gateway or firewall that gave or translated this address",
        )
    if terms.places.patterns:
        names = ", ".join(pattern.text for pattern in terms.places.patterns[:_SAID])
        return unknown(
            f"came from {where}, which may or may not be {names}",
            f"what {names} resolved to at that time (DNS)",
        )
    return no(f"came from {where}, which is no agreed origin")


def _gateway(hearing: Hearing, entry: Hop) -> Answer:
    answer = ask_entry(hearing)
    if answer.value != "yes":
        return answer
    through = hearing.entered(hearing.terms.doors).value == "yes"
    return Answer(
        "yes",
        "entered through an agreed gateway"
        if through
        else f"entered by {entry.protocol}, which a grant names",
    )


def _duration(hearing: Hearing) -> Answer:
    hours = hearing.agreement.limits.max_visit_hours
    moments = _moments(hearing)
    if hours is None or not moments:
        return unknown("nothing says how long this visit was", _OLDER)
    limit = timedelta(hours=hours)
    lasted = moments[-1] - moments[0]
    if lasted > limit:
        return no(f"lasted {_hours_text(lasted)} at least, and {_hours_text(limit)} are agreed")
    if hearing.visit.start is None:
        return unknown("it was there before the logs begin", _OLDER)
    if hearing.visit.end is None and hearing.as_of - moments[0] > limit:
        return unknown("nothing says when it ended", _LOGOFF)
    return Answer("yes", f"lasted {_hours_text(lasted)} of {_hours_text(limit)}")


def _hours_text(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _concurrent(hearing: Hearing, concurrent: int | None) -> Answer:
    most = hearing.agreement.limits.max_concurrent_visits
    if concurrent is None or most is None:
        return unknown("the other visits of this time were not counted", "the visits of the same time")
    said = f"{concurrent} at one time of {most} agreed"
    return Answer("yes", said) if concurrent <= most else no(said)
