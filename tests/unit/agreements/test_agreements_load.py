from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agreement_cases import agreement
from countersign.agreements import AgreementFileError, load_agreement, load_agreements, read_agreement
from countersign.agreements.load import LARGEST, claimed_twice
from countersign.errors import AgreementError

GOOD = """\
version: 1
provider: {id: acme, name: ACME}
identities:
  - name: Jane
    accounts: ['ACME\\jane']
"""
BAD = """\
version: 1
provider: {id: ACME, name: ACME}
zone: europe/london
contract: {start: 2026-05-01, end: 2025-01-01}
identities:
  - name: Jane
    acounts: [x]
    accounts: ['*', 'ACME\\jane']
    kind: persn
origins: [10.0.0.1/8]
gateways:
  - {name: vpn1, hosts: vpn1, protocol: vpn}
groups: {servers: [fs01]}
grants:
  - name: care
    who: [Jone]
    to: [server]
    via: vpn
    when: mon-fri 08:00-18:00 Europe/Londn
    name: again
never:
  - name: x
"""


def told(text: str) -> list[tuple[int | None, str, str]]:
    _, errors = read_agreement(text.encode(), "x.yaml")
    return [(error.line, error.message, error.remedy) for error in errors]


def test_everything_wrong_in_a_file_is_told_at_once_by_line_and_remedy() -> None:
    expected = [
        (2, "`id`", "small letters"),
        (3, "no IANA time zone", "did you mean `Europe/London`"),
        (4, "ends on 2025-01-01", "exchange"),
        (7, "`acounts` is no term", "did you mean `accounts`"),
        (8, "everybody", "name at least"),
        (9, "`persn`", "did you mean `person`"),
        (10, "10.0.0.1/8", "write 10.0.0.0/8"),
        (16, "no identity is called `Jone`", "did you mean `Jane`"),
        (17, "`server` is no group", "did you mean `servers`"),
        (18, "no gateway is called `vpn`", "did you mean `vpn1`"),
        (19, "no IANA time zone", "did you mean `Europe/London`"),
        (20, "key `name` stands twice, first in line 15", "keep one"),
        (22, "forbids nothing", "add `to`"),
    ]
    found = told(BAD)
    assert [line for line, _, _ in found] == [line for line, _, _ in expected]
    for (_, message, remedy), (_, word, cure) in zip(found, expected, strict=True):
        assert word in message
        assert cure in remedy


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("", 1, "no agreement"),
        ("- a", 1, "no agreement"),
        ("version: 1\nprovider: {id: a, name: A}\n", 1, "nobody can be recognised"),
        (GOOD.replace("version: 1", "version: 2"), 1, "newer than this program"),
        (GOOD.replace("version: 1\n", ""), 1, "`version` is missing"),
        (GOOD + "contract: {start: 1700000000}\n", 6, "is no date"),
        (GOOD + "groups: {all: [fs01], more: [all]}\n", 6, "cannot hold the group"),
        (GOOD + "origins: 0.0.0.0/0\n", 6, "every address"),
        (GOOD + "origins: ['*']\n", 6, "every address"),
        (GOOD + "limits: {max_visit_hours: -1}\n", 6, "greater than 0"),
        (GOOD + "never: [{name: x, tools: ['*']}]\n", 6, "no program name"),
        (
            GOOD + "gateways: [{name: g, hosts: g, protocol: vpn, leases: [here]}]\n",
            6,
            "no address or network",
        ),
        (GOOD + "  - {name: jane, accounts: x}\n", 6, "two identities"),
        (GOOD + "  - {name: John, accounts: 'acme\\JANE'}\n", 6, "already belongs to `Jane`"),
        (GOOD.replace("Jane", '"Ja\\nne"'), 4, "control characters"),
    ],
)
def test_one_wrong_thing_is_one_error(text: str, line: int, word: str) -> None:
    ((found, message, _),) = told(text)
    assert found == line
    assert word in message


def test_a_good_file_is_an_agreement(tmp_path: Path) -> None:
    path = tmp_path / "acme.yaml"
    path.write_text("\ufeff" + GOOD + "notes_we_leave_empty:\n", encoding="utf-8")
    assert load_agreement(path).identities[0].accounts == ("ACME\\jane",)


def test_a_bad_file_raises_one_error_that_tells_all(tmp_path: Path) -> None:
    path = tmp_path / "acme.yaml"
    path.write_text(BAD, encoding="utf-8")
    with pytest.raises(AgreementFileError) as refused:
        load_agreement(path)
    assert len(refused.value.errors) == 13
    assert refused.value.line == 2
    assert str(refused.value).count("remedy:") == 13
    with pytest.raises(AgreementError):
        load_agreement(tmp_path / "missing.yaml")


def test_a_folder_gives_the_good_ones_and_the_errors_of_the_others(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "b.yml").write_text(BAD, encoding="utf-8")
    (tmp_path / "c.yaml").write_text(GOOD, encoding="utf-8")  # the same provider again
    (tmp_path / "d.yaml").write_text(
        GOOD.replace("id: acme", "id: other"), encoding="utf-8"
    )  # the same account
    (tmp_path / "e.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "f.yaml").write_text(GOOD.replace("acme", "draft") + "draft: true\n", encoding="utf-8")
    (tmp_path / "g.yaml").write_text(GOOD.replace("acme", "zeta").replace("ACME\\", "Z\\"), encoding="utf-8")
    (tmp_path / "h.yaml").mkdir()
    (tmp_path / ".i.yaml").write_text("hidden", encoding="utf-8")
    (tmp_path / "j.txt").write_text("not ours", encoding="utf-8")
    found, errors = load_agreements(tmp_path)
    assert [item.provider.id for item in found] == ["acme", "zeta"]
    assert found.of("zeta") is not None
    assert found.of("draft") is None
    assert len(found) == 2
    by_file = {Path(error.path).name: error for error in errors}
    assert set(by_file) == {"b.yml", "c.yaml", "d.yaml", "e.yaml", "h.yaml"}
    assert by_file["d.yaml"].line == 5
    assert "a.yaml" in by_file["d.yaml"].message


def test_a_missing_folder_is_an_error_not_a_traceback(tmp_path: Path) -> None:
    found, errors = load_agreements(tmp_path / "nowhere")
    assert (len(found), len(errors)) == (0, 1)


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    path.write_bytes(b"#" * (LARGEST + 1))
    with pytest.raises(AgreementError, match="larger than 1 MiB"):
        load_agreement(path)


def test_claims_on_one_account_or_origin_are_found() -> None:
    one = agreement(origins=["203.0.113.0/24"])
    other = agreement(
        provider={"id": "other", "name": "Other"},
        identities=[{"name": "x", "accounts": ["*-acme-jdoe", "other-*"]}],
        origins=["203.0.113.0/24", "198.51.100.0/24"],
    )
    assert [problem.place for problem in claimed_twice(other, one)] == [
        ("identities", 0, "accounts", 0),
        ("origins", 0),
    ]


CORPUS = st.sampled_from([GOOD, BAD]).map(str.encode)


@given(
    st.binary(max_size=200)
    | st.text(max_size=100).map(lambda text: GOOD.encode() + text.encode("utf-8", "replace"))
    | st.builds(
        lambda text, at, junk: text[: at % len(text)] + junk + text[at % len(text) + len(junk) :],
        CORPUS,
        st.integers(0, 2000),
        st.binary(min_size=1, max_size=6),
    )
)
def test_any_bytes_are_an_agreement_or_errors(data: bytes) -> None:
    found, errors = read_agreement(data, "x.yaml")
    assert (found is None) == bool(errors)
    assert all(error.message for error in errors)
