"""Outsiders in exported directories, beside what the logs tell of the same accounts."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collecting import Ward
from countersign.agreements import load_agreement
from countersign.app.discover import OutsiderGroup, discover_groups, draft
from countersign.app.workspace import Workspace

DAY = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
BASE = "DC=hosp,DC=example,DC=com"


def entry(dn: str, *lines: str, kind: str = "user") -> str:
    return "\n".join([f"dn: {dn},{BASE}", "objectClass: top", f"objectClass: {kind}", *lines]) + "\n\n"


def user(name: str, *lines: str, unit: str = "OU=Staff") -> str:
    return entry(f"CN={name},{unit}", f"sAMAccountName: {name}", "userAccountControl: 512", *lines)


def group(name: str, *members: str, unit: str = "OU=Groups") -> str:
    return entry(
        f"CN={name},{unit}",
        f"sAMAccountName: {name}",
        *(f"member: {member},{BASE}" for member in members),
        kind="group",
    )


def filetime(day: str) -> int:
    return int((datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() + 11_644_473_600) * 10_000_000)


def written(folder: Path, name: str, text: str, at: datetime = DAY) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    return Ward(Workspace.create(tmp_path / "ward"))


def of(ward: Ward, kind: str) -> dict[str, OutsiderGroup]:
    return {one.name: one for one in discover_groups(ward.workspace) if one.kind == kind}


def names(found: dict[str, OutsiderGroup]) -> dict[str, tuple[str, ...]]:
    return {name: one.names for name, one in found.items()}


def test_vendors_accounts_are_found_by_company_mail_firm_unit_description_and_name(
    ward: Ward, tmp_path: Path
) -> None:
    staff = [
        user(f"staff{n}", "company: General Hospital", f"mail: staff{n}@hosp.example.com") for n in range(30)
    ]
    others = [
        user("p.moss", "company: Medimaint GmbH", "mail: p.moss@medimaint.example"),
        user("l.kay", "mail: l.kay@labsoft.example"),
        user("svc-scan", "displayName: Siemens syngo service"),
        user("a.reed", unit="OU=IT,OU=External Suppliers"),
        user("t.hall", "description: contractor until spring"),
        user("ext.noor"),
        user("consultant1", "description: Consultant, cardiology"),
    ]
    ward.collect(written(tmp_path, "all.ldf", "".join([*staff, *others])))
    found = of(ward, "vendor name")
    assert names(found) == {
        "Medimaint GmbH": ("p.moss",),
        "labsoft.example": ("l.kay",),
        "siemens": ("svc-scan",),
        "OU External Suppliers": ("a.reed",),
        "called contractor": ("t.hall",),
        "called ext": ("ext.noor",),
    }
    assert found["Medimaint GmbH"].why == "directory of 2026-11-21: company 1"
    assert (found["Medimaint GmbH"].times, found["Medimaint GmbH"].last) == (0, "")


def test_members_of_groups_of_remote_access_come_through_groups_in_groups(ward: Ward, tmp_path: Path) -> None:
    ward.collect(
        written(
            tmp_path,
            "all.ldf",
            user("direct")
            + user("nested", f"memberOf: CN=Inner,OU=Groups,{BASE}")
            + user("nobody")
            + group("VPN-Vendors", "CN=direct,OU=Staff", "CN=Outer,OU=Groups", "CN=gone,OU=Old")
            # one in the other: no end
            + group("Outer", "CN=Inner,OU=Groups")
            + group("Inner", "CN=Outer,OU=Groups", "CN=nested,OU=Staff")
            + group("Remote Desktop Users", "CN=nested,OU=Staff"),
        )
    )
    vpn = of(ward, "VPN group")["VPN-Vendors"]
    assert (vpn.names, vpn.listed) == (("direct", "nested"), 2)
    assert vpn.why == ("directory of 2026-11-21: direct members 1, through Outer 1, not in the export 1")
    assert names(of(ward, "remote access group")) == {"Remote Desktop Users": ("nested",)}


def test_of_two_exports_the_newer_list_of_members_counts(ward: Ward, tmp_path: Path) -> None:
    people = user("old") + user("new")
    earlier = datetime(2026, 10, 1, tzinfo=UTC)
    ward.collect(written(tmp_path, "now.ldf", people + group("VPN", "CN=new,OU=Staff")))
    ward.collect(written(tmp_path, "then.ldf", people + group("VPN", "CN=old,OU=Staff"), earlier))
    assert names(of(ward, "VPN group")) == {"VPN": ("new",)}


def test_tables_of_powershell_tell_the_same(ward: Ward, tmp_path: Path) -> None:
    users = (
        '"DistinguishedName","SamAccountName","ObjectClass","Enabled","LastLogonDate","PasswordLastSet","AccountExpirationDate"\n'
        f'"CN=p.moss,OU=Ext,{BASE}","p.moss","user","True","2026-01-05T08:00:00Z","2019-05-01T08:00:00Z",\n'
        f'"CN=l.kay,OU=Ext,{BASE}","l.kay","user","True","2026-11-20T08:00:00Z","2026-11-01T08:00:00Z",\n'
    )
    members = (
        '"Group","distinguishedName","name","objectClass","SamAccountName"\n'
        f'"VPN Users","CN=p.moss,OU=Ext,{BASE}","p.moss","user","p.moss"\n'
        f'"Domain Admins","CN=l.kay,OU=Ext,{BASE}","l.kay","user","l.kay"\n'
        f'"Domain Admins","CN=chief,OU=IT,{BASE}","chief","user","chief"\n'
    )
    ward.collect(written(tmp_path, "users.csv", users), written(tmp_path, "members.csv", members))
    assert names(of(ward, "VPN group")) == {"VPN Users": ("p.moss",)}
    # of those with rights only who is found to be an outsider
    assert names(of(ward, "rights")) == {"Domain Admins": ("l.kay",)}
    assert of(ward, "vendor name")["OU Ext"].why == (
        "directory of 2026-11-21: organisational unit 2, password older than a year 1, oldest password 2019-05-01"
    )
    asleep = of(ward, "dormant")["not in the last 90 days"]
    assert (asleep.names, asleep.times) == (("p.moss",), 0)
    assert "by lastLogonTimestamp, its lag of up to 14 days allowed for 1" in asleep.why


@pytest.mark.parametrize(
    ("last", "sleeps"), [("2026-08-08", True), ("2026-08-12", False), ("2026-11-20", False)]
)
def test_fourteen_days_of_lag_are_allowed_for(
    ward: Ward, tmp_path: Path, last: str, sleeps: bool
) -> None:  # a case
    ward.collect(written(tmp_path, "all.ldf", user("ext.kay", f"lastLogonTimestamp: {filetime(last)}")))
    assert bool(of(ward, "dormant")) is sleeps


def test_who_never_logged_on_sleeps_and_who_a_log_has_seen_since_does_not(ward: Ward, tmp_path: Path) -> None:
    made = "whenCreated: 20200101000000.0Z"
    ward.collect(
        written(
            tmp_path,
            "all.ldf",
            user("ext.never", made)
            + user("ext.seen", made)
            + user("ext.off", made).replace("userAccountControl: 512", "userAccountControl: 514")
            + user("staff", f"lastLogonTimestamp: {filetime('2026-11-20')}"),
        ),
        written(
            tmp_path,
            "auth.log",
            "2026-11-20T09:00:00+00:00 lnx01 sshd[7]: Accepted password for ext.seen from 10.0.0.7 port 4000 ssh2\n",
        ),
    )
    assert names(of(ward, "dormant")) == {"not in the last 90 days": ("ext.never",)}


def guest(number: int, domain: str) -> dict[str, object]:
    return {
        "id": f"11111111-0000-4000-8000-{number:012}",
        "displayName": f"Guest {number}",
        "userPrincipalName": f"g{number}_{domain}#EXT#@hosp.example.com",
        "accountEnabled": True,
        "userType": "Guest",
    }


def signin(number: int, name: str, domain: str) -> dict[str, object]:
    return {
        "id": f"22222222-0000-4000-8000-{number:012}",
        "createdDateTime": "2026-11-20T09:00:00Z",
        "userDisplayName": name,
        "userPrincipalName": f"{name}@{domain}",
        "userId": f"11111111-0000-4000-8000-{number:012}",
        "appDisplayName": "Azure Portal",
        "ipAddress": "203.0.113.9",
        "appId": "c44b4083-3bb0-49c1-b47d-974e53cbdf3c",
        "clientAppUsed": "Browser",
        "conditionalAccessStatus": "notApplied",
        "isInteractive": True,
        "status": {"errorCode": 0},
        "userType": "guest",
        "homeTenantId": "aaaaaaaa-0000-4000-8000-000000000001",
        "resourceTenantId": "bbbbbbbb-0000-4000-8000-000000000001",
    }


def test_a_thousand_guests_are_one_line_and_so_is_one_who_signed_in_by_the_address_of_home(
    ward: Ward, tmp_path: Path
) -> None:
    users = [guest(number, "mail.example") for number in range(1000)]
    role = {
        "id": "33333333-0000-4000-8000-000000000001",
        "displayName": "Global Administrator",
        "roleTemplateId": "62e90394-69f5-4237-9190-012177145e10",
        "members": [{"id": users[7]["id"]}, {"id": "99999999-0000-4000-8000-000000000001"}],
    }
    ward.collect(
        written(tmp_path, "users.json", json.dumps({"value": users})),
        written(tmp_path, "roles.json", json.dumps({"value": [role]})),
        written(tmp_path, "signins.json", json.dumps([signin(7, "g7", "mail.example")])),
    )
    found = of(ward, "guests")
    assert list(found) == ["mail.example"]
    one = found["mail.example"]
    assert (one.accounts, one.listed, one.times, one.last) == (1000, 1000, 1, "2026-11-20T09:00:00Z")
    assert "guest accounts 1000" in one.why.replace(",", "")
    assert names(of(ward, "rights")) == {"Global Administrator": ("g7_mail.example#EXT#",)}


def test_a_vpn_group_by_gateway_and_by_directory_is_one_line(ward: Ward, tmp_path: Path) -> None:
    ward.collect(
        written(
            tmp_path,
            "all.ldf",
            user("jdoe") + user("idle") + group("gp-vpn", "CN=jdoe,OU=Staff", "CN=idle,OU=Staff"),
        ),
        written(
            tmp_path,
            "asa.log",
            "Nov 20 2026 09:00:00 asa01 : %ASA-4-722051: Group <GP-VPN> User <jdoe> IP <203.0.113.7> "
            "IPv4 Address <10.99.1.11> IPv6 address <::> assigned to session\n",
        ),
    )
    (one,) = of(ward, "VPN group").values()
    assert (one.name.lower(), one.accounts, one.listed, one.times) == ("gp-vpn", 2, 2, 1)


def test_a_draft_of_those_who_only_a_directory_knows_says_so(ward: Ward, tmp_path: Path) -> None:
    ward.collect(written(tmp_path, "all.ldf", user("ext.kay")))
    (path,) = draft(discover_groups(ward.workspace), tmp_path / "drafts")
    assert "1 of them in a directory, none in the logs" in path.read_text("utf-8")
    assert [identity.accounts for identity in load_agreement(path).identities] == [("ext.kay",)]


def test_groups_that_a_table_of_accounts_names_behind_each_other_are_known(
    ward: Ward, tmp_path: Path
) -> None:
    header = '"DistinguishedName","SamAccountName","ObjectClass","memberOf"\n'
    groups = f"CN=VPN Users,OU=Groups,{BASE};CN=Other,OU=Groups,{BASE}"
    row = f'"CN=p.moss,OU=Staff,{BASE}","p.moss","user","{groups}"\n'
    ward.collect(written(tmp_path, "users.csv", header + row))
    assert names(of(ward, "VPN group")) == {"VPN Users": ("p.moss",)}
