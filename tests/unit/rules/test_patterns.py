from __future__ import annotations

import pytest

from countersign.rules.patterns import account_fits, host_fits, only_wildcards


@pytest.mark.parametrize(
    ("pattern", "account", "fits"),
    [
        ("CORP\\svc", "corp\\SVC", True),
        ("CORP\\svc", "corp.example\\svc", True),
        ("CORP\\svc", "svc@corp.example", True),
        ("svc@corp.example", "CORP\\svc", True),
        ("svc@corp.example", "svc@other.example", False),
        ("CORP\\svc", "svc", False),
        ("svc", "CORP\\svc", True),
        ("svc", "svc@corp.example", True),
        ("svc*", "CORP\\svc-backup", True),
        ("*@corp.example", "a.b@corp.example", True),
        ("*@corp.example", "a.b@corp.example.evil", False),
        ("CORP\\*", "CORPX\\svc", False),
        ("svc", "svc2", False),
        ("S-1-5-21-*", "s-1-5-21-1-2-3-500", True),
        ("NT AUTHORITY\\SYSTEM", "nt authority\\system", True),
        ("s?c", "svc", False),
        ("corp.example\\svc", "corp\\svc", True),
        ("corp.example\\svc", "corp.other\\svc", False),
    ],
)
def test_accounts(pattern: str, account: str, fits: bool) -> None:
    assert account_fits(pattern, account) is fits


@pytest.mark.parametrize(
    ("pattern", "host", "fits"),
    [
        ("dc1", "DC1", True),
        ("dc1", "dc1.corp.example", True),
        ("dc1.corp.example", "dc1", False),
        ("dc1", "dc10", False),
        ("srv-*", "SRV-9.corp.example", True),
        ("*.corp.example", "a.corp.example", True),
        ("*.corp.example", "corp.example", False),
        ("10", "10.0.0.1", False),
        ("10.0.0.*", "10.0.0.1", True),
    ],
)
def test_hosts(pattern: str, host: str, fits: bool) -> None:
    assert host_fits(pattern, host) is fits


def test_patterns_that_mean_everybody() -> None:
    assert all(only_wildcards(one) for one in ("*", "**", "*\\*", "*@*", "*.*"))
    assert not any(only_wildcards(one) for one in ("a*", "*@corp", "CORP\\*"))
