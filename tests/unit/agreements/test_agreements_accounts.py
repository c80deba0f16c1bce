from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from countersign.agreements.accounts import AccountPattern, Login

KEY = "SHA256:" + "uNiVztksCsDhcc0u9e8BrrJXVUf6ABhGlzSQ1EPqzz0"


@pytest.mark.parametrize(
    ("pattern", "name", "domain", "uid"),
    [
        ("THESHIRE\\pgustavo", "pgustavo", "THESHIRE", None),
        ("THESHIRE\\pgustavo", "PGustavo", "theshire.local", None),
        ("THESHIRE\\pgustavo", "THESHIRE\\pgustavo", None, None),
        ("theshire.local\\pgustavo", "pgustavo", "THESHIRE", None),
        ("THESHIRE\\pgustavo", "pgustavo@theshire.local", None, None),
        ("pgustavo@theshire.local", "pgustavo", "THESHIRE", None),
        ("pgustavo@theshire.local", "pgustavo", "", "PGUSTAVO@theshire.local"),
        ("pgustavo", "pgustavo", "anywhere", None),
        ("acme-*", "ACME-Jane", None, None),
        ("acme-*", "acme-jane@corp.example", None, None),
        ("CORP\\adm-acme-*", "adm-acme-jane", "corp", None),
        ("*@acme.example", "anybody@acme.example", None, None),
        ("S-1-5-21-1-2-3-1104", "whoever", "CORP", "S-1-5-21-1-2-3-1104"),
        ("S-1-5-21-1-2-3-*", "whoever", "CORP", "s-1-5-21-1-2-3-999"),
        ("S-1-5-21-1-2-3-1104", "S-1-5-21-1-2-3-1104", None, None),
        (KEY, "root", None, KEY),
        (KEY, "root", None, KEY + "="),
    ],
)
def test_an_account_is_recognised(pattern: str, name: str, domain: str | None, uid: str | None) -> None:
    assert AccountPattern.parse(pattern).fits(Login.of(name, domain, uid))


@pytest.mark.parametrize(
    ("pattern", "name", "domain", "uid"),
    [
        ("THESHIRE\\pgustavo", "pgustavo", None, None),
        ("THESHIRE\\pgustavo", "pgustavo", "-", None),
        ("THESHIRE\\pgustavo", "pgustavo", "WORKSTATION5", None),
        ("a.corp.example\\jane", "jane", "b.corp.example", None),
        ("a.example\\jane", "jane", "a.example.evil", None),
        ("*.example\\jane", "jane", "CORP", None),
        ("acme-*", "acme", None, None),
        ("S-1-5-21-1-2-3-1104", "x", None, "S-1-5-21-1-2-3-11040"),
        (KEY, "root", None, KEY.swapcase().replace("sha", "SHA")),
        ("jane", "", None, None),
    ],
)
def test_another_account_is_not(pattern: str, name: str, domain: str | None, uid: str | None) -> None:
    assert not AccountPattern.parse(pattern).fits(Login.of(name, domain, uid))


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "**",
        "*\\*",
        "\\jane",
        "CORP\\",
        "@corp",
        "S-1-5-*",
        "S-1-x",
        "SHA256:short",
        "A\\B\\c",
        "arn:aws:s3:::x",
        "arn:aws:iam::111111111111:role/*",
        "arn:*",
    ],
)
def test_a_pattern_that_names_nobody_or_everybody_is_refused(text: str) -> None:
    with pytest.raises(PydanticCustomError):
        AccountPattern.parse(text)


ROLE = "arn:aws:iam::111111111111:role/vendors/Acme-Admin"
SESSION = "arn:aws:sts::111111111111:assumed-role/Acme-Admin/jane@acme.example"


@pytest.mark.parametrize(
    ("pattern", "uid"),
    [
        (ROLE, ROLE),
        (ROLE, SESSION),
        ("arn:aws:iam::111111111111:role/ACME-*", SESSION),
        (SESSION, SESSION),
        ("arn:aws:iam::111111111111:user/bob", "arn:aws:iam::111111111111:user/staff/Bob"),
        ("arn:aws:iam::111111111111:root", "arn:aws:iam::111111111111:root"),
    ],
)
def test_an_arn_means_its_user_or_its_role_with_all_sessions(pattern: str, uid: str) -> None:
    assert AccountPattern.parse(pattern).fits(Login.of("Acme-Admin", "111111111111", uid))


@pytest.mark.parametrize(
    ("pattern", "uid"),
    [
        (ROLE, "arn:aws:iam::222222222222:role/Acme-Admin"),
        (ROLE, "arn:aws:sts::111111111111:assumed-role/Acme-Admin2/x"),
        (ROLE, "arn:aws:iam::111111111111:user/Acme-Admin"),
        (ROLE, ""),
        (SESSION, ROLE),
        (SESSION, SESSION.replace("jane", "john")),
        ("arn:aws:iam::111111111111:root", "arn:aws:iam::111111111111:user/root"),
    ],
)
def test_an_arn_means_nobody_else(pattern: str, uid: str) -> None:
    assert not AccountPattern.parse(pattern).fits(Login.of("Acme-Admin", "111111111111", uid))


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        (ROLE, SESSION, True),
        (ROLE, "Acme-Admin", True),
        (ROLE, "111111111111\\acme-*", True),
        (ROLE, "222222222222\\acme-*", False),
        (ROLE, "jdoe", False),
        (ROLE, "arn:aws:iam::111111111111:role/Acme-Admin2", False),
        (SESSION, SESSION.replace("jane", "john"), False),
    ],
)
def test_arns_that_can_mean_one_account_meet(one: str, other: str, *, meet: bool) -> None:
    first, second = AccountPattern.parse(one), AccountPattern.parse(other)
    assert first.meets(second) == second.meets(first) == meet


LABELS = st.text("ab", min_size=1, max_size=3)
ACCOUNTS = st.builds(
    lambda domain, name: f"{domain}\\{name}", LABELS | st.just("a.b"), st.text("ab*", min_size=1, max_size=4)
)


@given(ACCOUNTS, ACCOUNTS, st.text("ab", min_size=1, max_size=4), LABELS | st.just("a.b"))
def test_patterns_that_mean_one_account_meet(one: str, other: str, name: str, domain: str) -> None:
    first, second = AccountPattern.parse(one), AccountPattern.parse(other)
    login = Login.of(name, domain)
    if first.fits(login) and second.fits(login):
        assert first.meets(second)
    assert first.meets(second) == second.meets(first)


@given(st.text(), st.none() | st.text(), st.none() | st.text())
def test_any_text_can_be_a_login(name: str, domain: str | None, uid: str | None) -> None:
    login = Login.of(name, domain, uid)
    assert not AccountPattern.parse("CORP\\nobody-at-all").fits(login)
    assert login.is_blank == (not login.names and not login.keys)
