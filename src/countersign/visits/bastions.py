"""Logins to a bastion, and the targets that were opened from them."""

from __future__ import annotations

from collections import defaultdict

from countersign.visits.sessions import SECOND, SLACK, Session

LOGIN_SILENCE = 12 * 3600 * SECOND
"""A login to a bastion is taken to last no longer, and a remote-support session without a key that was silent for so long is a new one."""


def logins(sessions: list[Session]) -> list[Session]:
    """Ties each target to its person's login at the bastion; makes the login where only the target's records show it."""
    by_person: dict[tuple[str, str], list[Session]] = defaultdict(list)
    for session in sessions:
        if session.kind == "bastion":
            by_person[session.host, session.account.key[1]].append(session)
    made: dict[tuple[str, str], Session] = {}
    for target in sorted(sessions, key=lambda s: (s.begun, s.key)):
        if target.kind != "target" or target.person is None:
            continue
        known = [login for login in by_person[target.gateway, target.person.key[1]] if _open(login, target)]
        same = [login for login in known if login.source_ip == target.came_from]
        same = [max(same, key=lambda login: (login.begun, login.key))] if same else known
        if not same:
            same = [_implied(target, made)]
        target.makers = tuple(sorted({(login.host, login.key) for login in same}))
        target.maker_kind = "inferred"
        target.maker_words = f"{target.gateway} opened it for {target.person.text}, as {target.account.text or 'an account not named'}"
    return list(made.values())


def _open(login: Session, target: Session) -> bool:
    until = login.last + LOGIN_SILENCE if login.end is None else login.end + SLACK
    return login.begun - SLACK <= target.begun <= until


def _implied(target: Session, made: dict[tuple[str, str], Session]) -> Session:
    person = target.person or target.account
    key = f"login:{person.key[1]}|{target.came_from}|{target.key}"
    # a moment earlier, so that it is there when the target looks for it
    begun = target.begun - 1
    login = Session(
        kind="bastion",
        host=target.gateway,
        key=key,
        account=person,
        start=None if target.start is None else begun,
        first=begun,
        last=target.last,
        end=target.end,
        source_ip=target.came_from,
        protocol="bastion",
        mfa=target.mfa,
        facts=target.facts[:1],
        anchor=f"login:{target.anchor}",
    )
    return made.setdefault((login.host, key), login)
