"""Hops into clouds and through identity providers."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.model.visit import Visit
from countersign.visits import cloud_reading, stitch
from story import START, Claims, Story

ACME = Claims(
    {"jdoe": "Jane Doe", "northwind backup": "backup"},
    {"198.51.100.7": "acme"},
    services=frozenset({"northwind backup"}),
)
HOME = "198.51.100.7"


def visits(story: Story, claims: Claims = ACME, order: list[int] | None = None) -> tuple[Visit, ...]:
    return stitch(story.table(order), claims, lambda _: 7)


def cloud(
    story: Story, at: float, product: str, operation: str, class_uid: int = 6003, **columns: Any
) -> None:
    story.add(
        at,
        {
            "class_uid": class_uid,
            "activity_id": 1,
            "status_id": 1,
            "metadata.product": product,
            "api.operation": operation,
            "src_endpoint.ip": HOME,
            **{name.replace("__", "."): value for name, value in columns.items()},
        },
    )


def call(story: Story, at: float, role: str, key: str, operation: str, **columns: Any) -> None:
    account = columns.pop("account", "111")
    who = {"actor__user__name": role, "actor__user__domain": account, "actor__session__uid": key}
    cloud(story, at, "CloudTrail", operation, cloud__account__uid=account, **{**who, **columns})


def assume(story: Story, at: float, role: str, key: str, account: str = "111", **columns: Any) -> None:
    """AssumeRole from another account, or with `actor__session__uid` from a session that is known."""
    caller = {"actor__user__name": "222", "actor__user__type": "AWSAccount"}
    taken = {"user__name": role, "user__domain": account, "session__uid": key, "cloud__account__uid": account}
    cloud(story, at, "CloudTrail", "AssumeRole", 3002, **{**caller, **taken, **columns})


def sign_in(story: Story, at: float, session: str | None, app: str = "Azure Portal", **columns: Any) -> None:
    who = {
        "user__name": "jdoe",
        "user__domain": "acme.example",
        "session__uid": session,
        "actor__app_name": app,
    }
    cloud(story, at, "Entra ID", "Sign-in activity", 3002, **{**who, **columns})


def audit(story: Story, at: float, operation: str, product: str = "Microsoft 365", **columns: Any) -> None:
    who = {"actor__user__name": "jdoe", "actor__user__domain": "acme.example"}
    cloud(story, at, product, operation, **{**who, **columns})


def chain() -> Story:
    story = Story()
    assume(story, 0, "Acme-Admin", "ASIA1", user__full_name="jdoe")
    call(story, 60, "Acme-Admin", "ASIA1", "ListUsers")
    step = {"actor__user__name": "Acme-Admin", "actor__user__domain": "111", "actor__session__uid": "ASIA1"}
    assume(story, 120, "Deploy", "ASIA2", "333", **step, actor__user__type="AssumedRole")
    call(story, 130, "Deploy", "ASIA2", "StopLogging", account="333", resources__name="main")
    return story


def test_a_chain_of_roles_is_proven_by_the_access_key_that_each_gave_out() -> None:
    (visit,) = visits(chain())
    first, second = visit.hops
    assert (visit.person, first.protocol, first.target, first.source) == ("Jane Doe", "aws", "111", HOME)
    assert (second.parent, second.link.kind, second.target) == (first.id, "proven", "333")
    assert "ASIA2" in second.link.reason
    assert second.credential_switch
    assert [action.text for action in first.actions] == ["ListUsers", "AssumeRole: Deploy"]
    assert [(action.kind, action.text) for action in second.actions] == [("api", "StopLogging: main")]


def test_a_key_used_elsewhere_than_it_was_given_out_says_so() -> None:
    story = chain()
    call(story, 140, "Deploy", "ASIA2", "GetObject", account="333", src_endpoint__ip="192.0.2.99")
    (visit,) = visits(story)
    assert "the same session, now from 192.0.2.99" in [action.text for action in visit.hops[1].actions]


def test_a_session_called_like_nobody_is_its_origins_providers() -> None:
    story = Story()
    assume(story, 0, "Acme-Admin", "ASIA1", user__full_name="someone.new")
    (visit,) = visits(story)
    assert (visit.provider, visit.person) == ("acme", "someone.new")


def test_a_strangers_role_is_no_hop() -> None:
    story = Story()
    assume(story, 0, "Own-Role", "ASIA1", user__full_name="staff", src_endpoint__ip="192.0.2.1")
    call(story, 5, "Own-Role", "ASIA1", "ListUsers", src_endpoint__ip="192.0.2.1")
    assert visits(story) == ()


def test_a_key_whose_opening_is_lost_is_a_session_of_unknown_start() -> None:
    story = Story()
    call(story, 60, "Acme-Admin", "ASIA1", "ListUsers")
    (visit,) = visits(story)
    assert visit.hops[0].start is None
    story = Story()
    call(story, 60, "jdoe", "AKIA1", "ListUsers")
    (visit,) = visits(story)
    assert visit.hops[0].start == visit.start is not None


def test_sign_ins_of_one_session_and_what_was_done_after_are_one_hop() -> None:
    story = Story()
    sign_in(story, 0, "s1", is_mfa=True)
    sign_in(story, 30, "s1", "Microsoft Graph", is_mfa=None)
    audit(story, 60, "New-InboxRule", actor__session__uid="s1", resources__name="fwd")
    audit(story, 90, "Add member to role", "Entra ID")
    (visit,) = visits(story)
    (hop,) = visit.hops
    assert (hop.protocol, hop.target, hop.mfa) == ("signin", "Azure Portal", True)
    assert [action.text for action in hop.actions] == [
        "signed in to Microsoft Graph",
        "New-InboxRule: fwd",
        "Add member to role",
    ]
    assert hop.seen_by == ("identity provider",)


def test_what_names_no_session_belongs_to_the_latest_sign_in_before_it() -> None:
    story = Story()
    sign_in(story, 0, "s1")
    audit(story, 1500, "Add member to role", "Entra ID")
    sign_in(story, 4000, "s2")
    audit(story, 4500, "Reset password", "Entra ID")
    first, second = visits(story)
    assert [[action.text for action in visit.hops[0].actions] for visit in (first, second)] == [
        ["Add member to role"],
        ["Reset password"],
    ]


def test_without_a_session_an_application_and_an_address_are_a_hop_until_they_are_left() -> None:
    story = Story()
    for at in (0, 600, 1200, 3 * 3600):
        sign_in(story, at, None)
    found = [hop for visit in visits(story) for hop in visit.hops]
    assert [len(hop.actions) for hop in found] == [2, 0]


def test_a_refused_sign_in_alone_is_no_hop() -> None:
    story = Story()
    sign_in(story, 0, "s1", status_id=2)
    assert visits(story) == ()


def adfs(story: Story, at: float, code: int, app: str | None, **columns: Any) -> None:
    who = {"user__name": "jdoe", "user__domain": "ACME", "metadata__event_code": str(code)}
    checked = code in {1202, 1203}
    if checked:
        who |= {"actor__user__name": "jdoe", "actor__user__domain": "ACME"}
    more = {"dst_endpoint__svc_name": app, "activity_id": 99 if checked else 1, **who, **columns}
    cloud(story, at, "AD FS", "FreshCredential" if checked else "", 3002, **more)


def test_ad_fs_gives_a_hop_to_the_application_and_its_check_of_the_password_an_action() -> None:
    story = Story()
    adfs(story, 0, 1202, None)
    adfs(story, 1, 1200, "urn:federation:MicrosoftOnline", is_mfa=True)
    adfs(story, 60, 1203, None, status_id=2)
    (visit,) = visits(story)
    (hop,) = visit.hops
    assert (hop.protocol, hop.target, hop.mfa) == ("signin", "urn:federation:MicrosoftOnline", True)
    assert len(hop.records) == 3


def test_an_ad_fs_sign_in_for_the_gateway_is_evidence_of_its_hop() -> None:
    story = Story()
    adfs(story, 0, 1200, "https://vpn01.corp.example/saml", is_mfa=True)
    story.tunnel(20, "jdoe", HOME, "10.9.0.4", "asa:1")
    (visit,) = visits(story)
    (hop,) = visit.hops
    assert (hop.protocol, hop.mfa) == ("vpn", True)
    assert "identity provider" in hop.seen_by


def test_a_role_in_another_account_leads_to_that_account() -> None:
    story = Story()
    at_home, taken, further = "111111111111", "222222222222", "333333333333"
    assume(story, 0, "ops", "ASIA1", taken, cloud__account__uid=at_home, user__full_name="jdoe")
    call(story, 60, "ops", "ASIA1", "DescribeInstances", account=taken)
    chained = {"actor__user__name": "ops", "actor__session__uid": "ASIA1"}
    assume(story, 120, "admin", "ASIA2", further, cloud__account__uid=taken, **chained)
    (visit,) = visits(story)
    assert [(hop.target, hop.account) for hop in visit.hops] == [
        (taken, f"{taken}\\ops"),
        (further, f"{further}\\admin"),
    ]


def test_azure_calls_belong_to_the_sign_in_whose_token_they_bring() -> None:
    for token, kind in (("t1", "proven"), ("another", "inferred")):
        story = Story()
        sign_in(story, 0, "s1", session__credential_uid="t1")
        target = {"cloud__account__uid": "sub-1", "actor__session__uid": token}
        audit(story, 60, "Microsoft.Compute/virtualMachines/runCommand/action", "Azure Monitor", **target)
        (visit,) = visits(story)
        _, azure = visit.hops
        assert (azure.protocol, azure.target, azure.link.kind) == ("azure", "sub-1", kind)


def test_a_role_taken_with_saml_follows_the_sign_in_that_gave_the_assertion() -> None:
    story = Story()
    okta = {"user__name": "jdoe", "user__domain": "acme.example", "session__uid": "idx1"}
    cloud(
        story, 0, "System Log", "user.authentication.sso", 3002, dst_endpoint__svc_name="AWS Account", **okta
    )
    saml = {
        "actor__user__name": "jdoe@acme.example",
        "actor__user__type": "SAMLUser",
        "auth_protocol": "SAML",
    }
    assume(story, 20, "Staff", "ASIA9", user__full_name="jdoe@acme.example", **saml)
    (visit,) = visits(story)
    assert [hop.protocol for hop in visit.hops] == ["signin", "aws"]
    assert visit.hops[1].link.kind == "inferred"


def test_a_sign_in_for_the_gateway_is_evidence_of_its_hop_and_none_of_its_own() -> None:
    story = Story()
    sign_in(story, 0, "s1", "Cisco AnyConnect", is_mfa=True)
    story.tunnel(20, "jdoe", HOME, "10.9.0.4", "asa:1")
    (visit,) = visits(story)
    (hop,) = visit.hops
    assert (hop.protocol, hop.mfa) == ("vpn", True)
    assert "identity provider" in hop.seen_by
    assert len(hop.records) == 2


def okta(story: Story, at: float, operation: str, target: str = "", **columns: Any) -> None:
    who = {"user__name": "jdoe", "user__domain": "acme.example", "session__uid": "idx1"}
    cloud(story, at, "System Log", operation, 3002, resources__name=target, **who, **columns)


def test_what_an_identity_provider_asks_before_it_lets_in_is_evidence_of_the_gateways_hop_too() -> None:
    story = Story()
    okta(story, 0, "user.session.start", "Password")
    okta(story, 1, "user.authentication.auth_via_mfa", "Jane Doe", is_mfa=True)
    okta(story, 2, "user.authentication.sso", dst_endpoint__svc_name="Cisco ASA VPN (SAML)")
    story.tunnel(20, "jdoe", HOME, "10.9.0.4", "asa:1")
    (visit,) = visits(story)
    (hop,) = visit.hops
    assert (hop.protocol, hop.mfa, len(hop.records)) == ("vpn", True, 4)


def test_a_session_of_an_identity_provider_that_opened_more_than_the_gateway_stays_a_hop() -> None:
    story = Story()
    okta(story, 0, "user.session.start", "Password")
    okta(story, 3600, "user.authentication.sso", dst_endpoint__svc_name="Cisco ASA VPN (SAML)")
    story.tunnel(3620, "jdoe", HOME, "10.9.0.4", "asa:1")
    hops = [hop for visit in visits(story) for hop in visit.hops]
    assert sorted((hop.protocol, hop.target) for hop in hops) == [
        ("signin", "Cisco ASA VPN (SAML)"),
        ("vpn", "vpn01"),
    ]


def test_a_sign_in_to_something_else_just_before_dialling_in_stays_a_hop() -> None:
    story = Story()
    sign_in(story, 0, "s1", "Microsoft 365 admin center")
    story.tunnel(20, "jdoe", HOME, "10.9.0.4", "asa:1")
    assert sorted(hop.protocol for visit in visits(story) for hop in visit.hops) == ["signin", "vpn"]


def test_a_radius_servers_answer_is_evidence_of_the_tunnel() -> None:
    story = Story()
    story.add(
        0,
        {
            "class_uid": 3002,
            "activity_id": 1,
            "status_id": 1,
            "metadata.product": "Network Policy Server",
            "device.hostname": "NPS1",
            "user.name": "jdoe",
            "is_mfa": True,
        },
    )
    story.tunnel(5, "jdoe", HOME, "10.9.0.4", "asa:1")
    (visit,) = visits(story)
    (hop,) = visit.hops
    assert hop.mfa is True
    assert "identity provider" in hop.seen_by


def test_service_principals_make_one_service_visit_for_as_long_as_they_work() -> None:
    story = Story()
    for minute in range(0, 180, 15):
        cloud(
            story,
            minute * 60,
            "Entra ID",
            "Sign-in activity",
            3002,
            user__name="Northwind Backup",
            user__type="ServicePrincipal",
            dst_endpoint__svc_name="Microsoft Graph",
        )
    (visit,) = visits(story)
    assert (visit.kind, len(visit.hops)) == ("service", 1)
    assert visit.end is not None
    assert (visit.end - START).total_seconds() == 165 * 60


def test_a_stay_of_many_records_comes_out_by_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud_reading, "DETAIL", 20)
    story = Story()
    assume(story, 0, "Acme-Admin", "ASIA1", user__full_name="jdoe")
    for number in range(50):
        call(story, 10 + number, "Acme-Admin", "ASIA1", "GetObject", resources__name=f"o{number}")
    (visit,) = visits(story)
    (action,) = visit.hops[0].actions
    assert action.text == "GetObject, 50 times until 2026-03-02 09:00:59 UTC"
    assert len(visit.hops[0].records) == 3  # the role taken, the first call and the last


def estate() -> Story:
    story = chain()
    sign_in(story, 5000, "s1", session__credential_uid="t1")
    audit(story, 5060, "New-InboxRule")
    audit(story, 5070, "write", "Azure Monitor", cloud__account__uid="sub-1", actor__session__uid="t1")
    sign_in(story, 9000, "s2", "Cisco AnyConnect", is_mfa=True)
    story.tunnel(9020, "jdoe", HOME, "10.9.0.4", "asa:1")
    return story


@settings(max_examples=4, deadline=None)
@given(order=st.permutations(range(len(estate().rows))))
def test_order_changes_nothing(order: list[int]) -> None:
    assert simple(visits(estate(), order=list(order))) == in_order()


@cache
def in_order() -> list[Any]:
    return simple(visits(estate()))


def simple(found: tuple[Visit, ...]) -> list[Any]:
    return [
        (
            visit.id,
            visit.person,
            hop.id,
            hop.parent,
            hop.link,
            hop.start,
            hop.end,
            [a.text for a in hop.actions],
        )
        for visit in found
        for hop in visit.hops
    ]
