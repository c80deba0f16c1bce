"""Never-clauses: what must not happen in a visit, whatever was granted.

What a clause states must come together in one hop: on these hosts, by these protocols, any of these acts or
programs. That nothing was seen is `kept` only where it would have been seen.
"""

from __future__ import annotations

from types import MappingProxyType

from countersign.agreements.answer import YES, Answer, no, unknown, worst
from countersign.agreements.coverage import SOURCES
from countersign.agreements.globs import glob
from countersign.agreements.granted import ask_entry
from countersign.agreements.hearing import UNTIED, Asked, Hearing, place, protocol_among
from countersign.agreements.terms import Act, Never
from countersign.model.visit import Action, Hop

ACTIONS: MappingProxyType[Act, str] = MappingProxyType(
    {
        "log_cleared": "log",
        "account_changes": "account",
        "new_services": "service",
        "new_tasks": "task",
        "admin_shares": "share",
    }
)
"""The kind of action (`model.visit.Action.kind`) that each act is seen by."""

SHARE = 3
"""Where the share stands in a path that is cut at its backslashes."""
_LONGEST_WHY = 120
"""Characters of a command line or share that a reason repeats."""


def ask_never(hearing: Hearing, clause: Never) -> list[Asked]:
    """What the hops answered; yes means kept. No hop at all answers for a host that nobody watches."""
    asked = [
        Asked(one.hop, hearing.certain(one.hop, one.answer), one.records) for one in _ask(hearing, clause)
    ]
    if clause.what or clause.tools:
        return asked
    return [*asked, *_unwatched(hearing, clause)]


def _ask(hearing: Hearing, clause: Never) -> list[Asked]:
    out = []
    for hop in hearing.hops:
        reach = _reach(hearing, clause, hop)
        if reach.value == "no":
            out.append(Asked(hop, YES))
        elif clause.what or clause.tools:
            out.extend(_acts(hearing, clause, hop, reach))
        elif reach.value == "yes":
            out.append(Asked(hop, no(f"went {place(hop)}")))
        else:
            out.append(Asked(hop, reach))
    return out


def _reach(hearing: Hearing, clause: Never, hop: Hop) -> Answer:
    """Whether the clause is about this hop."""
    there = YES
    if clause.to:
        there = hearing.leads_to(hop, hearing.terms.forbidden[clause.name])
    return worst((there, protocol_among(hop, clause.by) if clause.by else YES))


def _acts(hearing: Hearing, clause: Never, hop: Hop, reach: Answer) -> list[Asked]:
    out = [_act(hearing, act, hop, reach) for act in clause.what]
    if clause.tools:
        out.append(
            _seen(hearing, hop, reach, "process", [one for one in hop.actions if _is_tool(clause, one)])
        )
    return out


def _act(hearing: Hearing, act: Act, hop: Hop, reach: Answer) -> Asked:
    if act == "credential_switch":
        return Asked(hop, _switch(hearing, hop, reach))
    if act == "outside_gateway":
        return Asked(hop, _outside(hearing, hop))
    kind = ACTIONS[act]
    found = [one for one in hop.actions if one.kind == kind and _MEANT.get(kind, _any)(one.text)]
    if kind == "share":
        found += [one for one in hop.actions if _is_file_below(one)]
    return _seen(hearing, hop, reach, kind, found)


def _seen(hearing: Hearing, hop: Hop, reach: Answer, kind: str, found: list[Action]) -> Asked:
    if found:
        first = min(found, key=lambda one: (one.time, one.text))
        said = f"on {hop.target}: {_short(first.text)}" + (
            f" and {len(found) - 1} more" if len(found) > 1 else ""
        )
        records = tuple(one.reference for one in found)
        if reach.value == "unknown":
            return Asked(hop, unknown(f"{said}, but {reach.why}", reach.missing), records)
        return Asked(hop, no(said), records)
    if hop.protocol == "vpn" or hearing.coverage.sees(kind, hop.target):
        return Asked(hop, YES)  # on a VPN gateway nobody works
    return Asked(hop, unknown(f"{hop.target} is not watched for it", f"{SOURCES[kind]} of {hop.target}"))


def _switch(hearing: Hearing, hop: Hop, reach: Answer) -> Answer:
    if hop.credential_switch and not hearing.may_be(hop):
        said = f"{place(hop)} with other credentials, as {hop.account}"
        return no(said) if reach.value == "yes" else unknown(f"{said}, but {reach.why}", reach.missing)
    if hop.link.kind == "ambiguous":
        return unknown(f"{place(hop)}: which credentials came before is not certain", UNTIED)
    if hop.protocol == "vpn" or hearing.coverage.sees("credential", hop.target):
        return YES
    return unknown(f"{hop.target} is not watched for it", f"{SOURCES['credential']} of {hop.target}")


def _outside(hearing: Hearing, hop: Hop) -> Answer:
    """Asked of the entry alone; without gateways in the agreement there is no outside."""
    entry = hearing.entry
    if entry is None or hop.id != entry.id or not hearing.terms.doors:
        return YES
    return ask_entry(hearing)


def _unwatched(hearing: Hearing, clause: Never) -> list[Asked]:
    """A clause about hosts of which no logon is recorded anywhere cannot be kept by silence."""
    if not clause.to or not hearing.hops or hearing.coverage.network_sensor:
        return []
    hosts = hearing.terms.forbidden[clause.name]
    if any(
        hosts.holds(hearing.coverage.known_as(host)).value == "yes" for host in hearing.coverage.logon_hosts
    ):
        return []
    named = ", ".join(clause.to[:4])
    return [
        Asked(
            hearing.hops[0],
            unknown(f"no logs of {named} are read", f"{SOURCES['logon']} of {named}, or a network sensor"),
        )
    ]


def is_admin_share(text: str) -> bool:
    """Whether a text names an administrative share: `ADMIN$` or a drive such as `C$`."""
    for word in text.replace("\\", " ").replace("/", " ").replace('"', " ").upper().split():
        if word == "ADMIN$" or (len(word) == 2 and word[1] == "$" and word[0].isalpha()):
            return True
    return False


def _any(_: str) -> bool:
    return True


def _is_clearing(text: str) -> bool:
    """A log may also have been stopped or resized."""
    return "clear" in text.casefold()


def _is_new(text: str) -> bool:
    """A service may also have been stopped or started (7036), in words that never begin with `service`."""
    return text.startswith("service ") or not text.endswith("(7036)")


def _is_file_below(action: Action) -> bool:
    r"""Whether a file was changed below an administrative share, as in `file written: \\*\C$\a.txt`."""
    _, _, path = action.text.partition(": ")
    parts = path.split("\\")
    return (
        action.kind == "file"
        and parts[:2] == ["", ""]
        and len(parts) > SHARE
        and is_admin_share(parts[SHARE])
    )


_MEANT = MappingProxyType({"share": is_admin_share, "log": _is_clearing, "service": _is_new})
"""Of these kinds of action only some are the act."""


def _is_tool(clause: Never, action: Action) -> bool:
    if action.kind != "process":
        return False
    names = program_names(action.text)
    return any(glob(tool.casefold(), name) for name in names for tool in clause.tools)


def program_names(command: str) -> frozenset[str]:
    """The file names, folded, that the program of a command line may have, with and without `.exe`.

    A path that holds blanks and is not in quotes can be read in two ways; both are given.
    """
    text = command.strip().casefold()
    if text.startswith('"'):
        paths = [text[1:].partition('"')[0]]
    else:
        paths = [text.split(maxsplit=1)[0] if text else ""]
        end = text.find(".exe")
        if end >= 0:
            paths.append(text[: end + len(".exe")])
    names = {path.replace("/", "\\").rpartition("\\")[2] for path in paths} - {""}
    return frozenset(names | {name.removesuffix(".exe") for name in names})


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_WHY else f"{line[:_LONGEST_WHY]}…"
