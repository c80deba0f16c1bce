"""The first look at who comes from outside, before there is an agreement."""

from __future__ import annotations

from pathlib import Path

import pytest

from collecting import Ward
from countersign.agreements import load_agreement
from countersign.app.discover import Outsider, OutsiderGroup, discover, discover_groups, draft
from countersign.app.workspace import Workspace
from countersign.errors import UsageError

HOME = "203.0.113.142"
AGREEMENT = """\
version: 1
provider: {id: acme, name: ACME}
identities:
  - {name: Anna, accounts: [anna]}
origins: [198.51.100.0/24]
"""


def ssh(second: int, account: str, address: str, host: str = "lnx01", word: str = "Accepted") -> str:
    clock = f"2026-03-02T09:00:{second:02}+00:00"
    return f"{clock} {host} sshd[{second + 1}]: {word} password for {account} from {address} port 4{second:03} ssh2\n"


@pytest.fixture
def seen(tmp_path: Path) -> list[Outsider]:
    """Five logons from outside of three kinds; others from inside, from the host itself, and one that failed."""
    ward = Ward(Workspace.create(tmp_path / "ward"))
    log = tmp_path / "auth.log"
    log.write_text(
        "".join(
            [
                *(ssh(second, "jdoe", HOME) for second in (30, 10, 20)),
                ssh(40, "jdoe", HOME, host="lnx02"),
                ssh(50, "anna", "2a02:6b8::2"),
                ssh(51, "anna", "10.0.0.7"),
                ssh(52, "mallory", HOME, word="Failed"),
                ssh(54, "jdoe", "127.0.0.1"),
            ]
        ),
        "utf-8",
    )
    ward.collect(log)
    return discover(ward.workspace)


def test_logons_from_public_addresses_most_frequent_first(seen: list[Outsider]) -> None:
    assert [(item.account, item.source, item.target, item.times) for item in seen] == [
        ("jdoe", HOME, "lnx01", 3),
        ("anna", "2a02:6b8::2", "lnx01", 1),
        ("jdoe", HOME, "lnx02", 1),
    ]
    assert {item.protocol for item in seen} == {"ssh"}


def test_first_and_last_are_the_earliest_and_the_latest_in_whatever_order_they_came(
    seen: list[Outsider],
) -> None:
    assert (seen[0].first, seen[0].last) == ("2026-03-02T09:00:10Z", "2026-03-02T09:00:30Z")


def test_the_document_has_every_field(seen: list[Outsider]) -> None:
    assert seen[0].document() == {
        "account": "jdoe",
        "source": HOME,
        "target": "lnx01",
        "protocol": "ssh",
        "times": 3,
        "first": "2026-03-02T09:00:10Z",
        "last": "2026-03-02T09:00:30Z",
        "provider": "",
        "guest": False,
        "house": False,
    }


def test_whose_they_are_is_told_where_an_agreement_claims_account_or_address(tmp_path: Path) -> None:
    ward = Ward(Workspace.create(tmp_path / "ward"))
    (ward.workspace.agreements / "acme.yaml").write_text(AGREEMENT, "utf-8")
    log = tmp_path / "auth.log"
    log.write_text(ssh(1, "anna", HOME) + ssh(2, "root", "198.51.100.9") + ssh(3, "root", HOME), "utf-8")
    ward.collect(log)
    assert {(item.account, item.source): item.provider for item in discover(ward.workspace)} == {
        ("anna", HOME): "acme",
        ("root", "198.51.100.9"): "acme",
        ("root", HOME): "",
    }


def test_a_tunnel_counts_from_whatever_address(tmp_path: Path) -> None:
    ward = Ward(Workspace.create(tmp_path / "ward"))
    log = tmp_path / "asa.log"
    log.write_text(
        "Mar 02 2026 09:00:00 asa01 : %ASA-4-722051: Group <GP> User <jdoe> IP <10.1.2.3> "
        "IPv4 Address <10.99.1.11> IPv6 address <::> assigned to session\n",
        "utf-8",
    )
    ward.collect(log)
    (item,) = discover(ward.workspace)
    assert (item.account, item.source, item.target, item.protocol) == ("jdoe", "10.1.2.3", "asa01", "vpn")


def test_nothing_collected_is_nobody(tmp_path: Path) -> None:
    assert discover(Workspace.create(tmp_path / "ward")) == []


def test_groups_name_who_they_are_and_whose(tmp_path: Path) -> None:
    ward = Ward(Workspace.create(tmp_path / "ward"))
    (ward.workspace.agreements / "acme.yaml").write_text(AGREEMENT, "utf-8")
    log = tmp_path / "auth.log"
    log.write_text(ssh(1, "anna", HOME), "utf-8")
    ward.collect(log)
    (group,) = discover_groups(ward.workspace)
    assert (group.kind, group.accounts, group.names, group.provider) == (
        "only from outside",
        1,
        ("anna",),
        "acme",
    )
    assert set(group.document()) == {*OutsiderGroup.__dataclass_fields__}


def group(kind: str = "VPN group", name: str = "GP NORTH", *names: str) -> OutsiderGroup:
    return OutsiderGroup(
        kind, name, len(names), names, 7, "2026-03-02T09:00:00Z", "2026-03-04T09:00:00Z", "a" * 32
    )


@pytest.mark.parametrize("name", ["partners.yaml", "partners.YML", "there"])
def test_a_files_name_is_no_folder_for_drafts(tmp_path: Path, name: str) -> None:
    (tmp_path / "there").write_text("mine", "utf-8")
    with pytest.raises(UsageError, match="give a folder"):
        draft([group("VPN group", "GP NORTH", "np.harris")], tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_a_draft_is_an_agreement_that_holds_nobody_and_is_never_overwritten(tmp_path: Path) -> None:
    (path,) = draft([group("VPN group", "GP NORTH", "np.harris", "np.moss")], tmp_path / "drafts")
    agreement = load_agreement(path)
    assert (agreement.draft, agreement.provider.id) == (True, "vpn-group-gp-north")
    assert [identity.accounts for identity in agreement.identities] == [("np.harris",), ("np.moss",)]
    path.write_text("mine", "utf-8")
    assert draft([group("VPN group", "GP NORTH", "np.harris")], tmp_path / "drafts") == []
    assert path.read_text("utf-8") == "mine"


@pytest.mark.parametrize("name", ["*", "a*", 'x"]\nprovider: {id: y}', "\ud800", "\x1b[31m", ""])
def test_no_name_from_a_log_breaks_or_widens_a_draft(tmp_path: Path, name: str) -> None:
    for path in draft([group("guests", f"evil {name}", name, "good")], tmp_path / "drafts"):
        agreement = load_agreement(path)
        assert [identity.accounts for identity in agreement.identities][-1] == ("good",)
        assert len(agreement.identities) <= 2


def test_software_names_nobody(tmp_path: Path) -> None:
    assert draft([group("vendor software", "kaseya", "SYSTEM")], tmp_path) == []
