r"""Patterns by which a person names accounts and hosts.

Account patterns are `CORP\name`, `name@corp.example`, or `name` in any domain, without regard to case, with `*` as
wildcard. A domain and its full name are one when their first labels are: `CORP` and `corp.example`.
"""

from __future__ import annotations

from countersign.rules import atoms


def only_wildcards(pattern: str) -> bool:
    """Whether a pattern means everybody, or every host."""
    return not pattern.strip("*?\\@. ")


def host_fits(pattern: str, host: str) -> bool:
    """Whether a pattern means a host; one without a dot means the first label of a full name, too."""
    wanted, text = pattern.casefold(), host.casefold()
    if _glob(wanted, text):
        return True
    label, dot, _ = text.partition(".")
    return bool(dot) and "." not in wanted and not label.isdigit() and _glob(wanted, label)


def account_fits(pattern: str, account: str) -> bool:
    """Whether a pattern means an account as a record writes it."""
    name, domain = _split(pattern.casefold())
    there, area = _split(account.casefold())
    if not _glob(name, there):
        return False
    return domain is None or (area is not None and _same_domain(domain, area))


def _split(text: str) -> tuple[str, str | None]:
    before, slash, name = text.rpartition("\\")
    if slash:
        return name, before
    name, at, domain = text.rpartition("@")
    return (name, domain) if at and name else (text, None)


def _same_domain(pattern: str, domain: str) -> bool:
    if _glob(pattern, domain):
        return True
    first, dot, _ = pattern.partition(".")
    label, full, _ = domain.partition(".")
    return bool(dot) != bool(full) and (first == label if dot else _glob(first, label))


def _glob(pattern: str, text: str) -> bool:
    parts: list[str | int] = []
    for piece in pattern.split("*"):
        parts += [piece, atoms.MANY] if piece else [atoms.MANY]
    return atoms.glob(tuple(parts[:-1]), text)
