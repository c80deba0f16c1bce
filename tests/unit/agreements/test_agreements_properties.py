"""What holds for every visit under every agreement."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agreement_cases import JANE, LATER, MONDAY, VPN, WATCHED, action, agreement, hop
from countersign.agreements import Agreement, Coverage, clauses, judge
from countersign.model.visit import Hop, Link, Visit

NAMES = [
    "FS01",
    "fs01.corp.example",
    "DC01",
    "vpn1",
    "jump01",
    "10.1.0.9",
    "10.99.0.7",
    "203.0.113.5",
    "8.8.8.8",
    "",
    "-",
    "\x1b[2J",
]
HOSTS = st.sampled_from(NAMES)
ACCOUNTS = st.sampled_from(
    ["ACME\\jdoe", "CORP\\adm-acme-jdoe", "root", "SYSTEM", "", "-", "CORP\\x", "a@b", "\\", "@"]
)
PROTOCOLS = st.sampled_from(
    [
        "vpn",
        "rdp",
        "ssh",
        "smb",
        "wmi",
        "winrm",
        "scm",
        "console",
        "network",
        "su",
        "sudo",
        "explicit",
        "service",
        "",
        "new",
    ]
)
MOMENTS = st.none() | st.integers(-3000, 3000).map(lambda minutes: MONDAY + timedelta(minutes=minutes))
LINKS = st.sampled_from(
    [Link("entry", ""), Link("proven", ""), Link("inferred", ""), Link("ambiguous", "", ("h0", "h1"))]
)
ACTIONS = st.lists(
    st.builds(
        action,
        st.sampled_from(
            ["process", "share", "file", "service", "task", "account", "log", "network", "credential"]
        ),
        st.sampled_from(["C$", "psexec.exe -x", '"', "", "\\\\FS01\\ADMIN$"]),
    ),
    max_size=2,
)


@st.composite
def visits(draw: st.DrawFn) -> Visit:
    count = draw(st.integers(0, 4))
    ids = [f"h{number}" for number in range(count)]
    parents = st.sampled_from([None, "lost", *ids]) if ids else st.none()
    hops = tuple(
        hop(
            id_,
            parent=draw(parents),
            account=draw(ACCOUNTS),
            source=draw(HOSTS),
            target=draw(HOSTS),
            protocol=draw(PROTOCOLS),
            start=draw(MOMENTS),
            end=draw(MOMENTS),
            link=draw(LINKS),
            actions=tuple(draw(ACTIONS)),
            credential_switch=draw(st.booleans()),
            source_ip=draw(HOSTS),
            mfa=draw(st.none() | st.booleans()),
            gateway=draw(st.sampled_from(["", "provider vpn", "x"])),
        )
        for id_ in ids
    )
    return Visit(
        id="h0",
        provider="acme",
        person=draw(st.sampled_from(["", "Jane Doe", "somebody"])),
        kind="person",
        start=draw(MOMENTS),
        end=draw(MOMENTS),
        entry=draw(st.sampled_from(["h0", "lost"])),
        hops=hops,
    )


GRANTS = st.lists(
    st.fixed_dictionaries(
        {
            "who": st.sampled_from(["*", "Jane Doe", "John Roe"]),
            "to": st.sampled_from(["*", "fs*", "*.corp.example", "10.0.0.0/8", "servers"]),
        },
        optional={
            "by": st.sampled_from(["rdp", "ssh", ["smb", "vpn"]]),
            "via": st.just("provider vpn"),
            "as": st.just("root"),
            "when": st.sampled_from(
                ["mon-fri 08:00-18:00", "22:00-06:00 Asia/Kolkata", ["sat", "sun 10:00-11:00"]]
            ),
            "until": st.sampled_from(["2026-03-01", "2026-03-02"]),
            "mfa": st.just("required"),
            "ticket": st.just("required"),
        },
    ),
    max_size=3,
)
NEVER = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "to": st.sampled_from(["servers", "dc*", "10.0.0.0/8"]),
            "by": st.sampled_from(["rdp", "smb"]),
            "tools": st.just("psexec*"),
            "what": st.sampled_from(
                [
                    "log_cleared",
                    "account_changes",
                    "new_services",
                    "new_tasks",
                    "admin_shares",
                    "credential_switch",
                    "outside_gateway",
                ]
            ),
        },
    ).filter(bool),
    max_size=2,
)


@st.composite
def agreements(draw: st.DrawFn) -> Agreement:
    terms: dict[str, Any] = {
        "identities": [
            JANE,
            {"name": "John Roe", "accounts": draw(st.sampled_from(["ACME\\jroe", "S-1-5-21-1-2-3-4"]))},
        ],
        "groups": {"servers": ["fs*", "app*"]},
        "gateways": draw(
            st.sampled_from([[VPN], [VPN, {"name": "jump", "hosts": ["jump01"], "protocol": "rdp"}]])
        ),
        "grants": [grant | {"name": f"g{number}"} for number, grant in enumerate(draw(GRANTS))],
        "never": [clause | {"name": f"n{number}"} for number, clause in enumerate(draw(NEVER))],
    }
    if draw(st.booleans()):
        terms["origins"] = [draw(st.sampled_from(["203.0.113.0/24", "gw.acme.example", "10.0.0.0/8"]))]
        terms["contract"] = {"start": "2026-03-02", "end": draw(st.sampled_from([None, "2026-03-03"]))}
        terms["limits"] = {"max_visit_hours": 1, "max_concurrent_visits": 1}
    return agreement(**terms)


COVERAGE = st.sampled_from(
    [
        Coverage(),
        WATCHED,
        Coverage(network_sensor=True, aliases={"10.1.0.9": ("fs01",), "fs01": ("10.1.0.9",)}),
    ]
)


@given(visits(), agreements(), COVERAGE, st.none() | st.integers(1, 3))
def test_every_clause_gets_exactly_one_verdict(
    came: Visit, held: Agreement, coverage: Coverage, concurrent: int | None
) -> None:
    found = judge(came, held, coverage, LATER, concurrent=concurrent)
    assert tuple(verdict.clause for verdict in found) == clauses(held)
    for verdict in found:
        assert verdict.why
        assert bool(verdict.missing) == (verdict.verdict == "not observed")
        assert set(verdict.hops) <= {one.id for one in came.hops}


@given(visits(), agreements(), COVERAGE, st.randoms(use_true_random=False))
def test_order_of_hops_grants_and_lists_does_not_matter(
    came: Visit, held: Agreement, coverage: Coverage, random: Random
) -> None:
    def shuffled(items: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(random.sample(items, len(items)))

    other = held.model_copy(
        update={
            name: shuffled(getattr(held, name)) for name in ("identities", "gateways", "grants", "origins")
        }
    )
    hops = tuple(replace(one, actions=shuffled(one.actions)) for one in shuffled(came.hops))
    assert judge(replace(came, hops=hops), other, coverage, LATER) == judge(came, held, coverage, LATER)


@given(visits(), agreements(), COVERAGE)
def test_what_hangs_on_ambiguous_links_breaks_no_grant_and_no_never_clause(
    came: Visit, held: Agreement, coverage: Coverage
) -> None:
    doubtful = replace(came, hops=tuple(replace(one, link=Link("ambiguous", "two")) for one in came.hops))
    broken = {
        verdict.clause for verdict in judge(doubtful, held, coverage, LATER) if verdict.verdict == "broken"
    }
    assert not {clause for clause in broken if clause.startswith(("grant.", "never."))}


@given(visits(), agreements(), COVERAGE)
def test_forgetting_when_and_whence_never_breaks_a_clause(
    came: Visit, held: Agreement, coverage: Coverage
) -> None:
    def forget(one: Hop) -> Hop:
        return replace(one, start=None, end=None, source="", source_ip="", mfa=None)

    asked = ("grant.when", "grant.until", "grant.mfa", "origin", "contract.dates", "limits.max_visit_hours")
    blurred = replace(
        came, start=None, end=None, hops=tuple(replace(forget(one), actions=()) for one in came.hops)
    )
    found = {verdict.clause: verdict.verdict for verdict in judge(blurred, held, coverage, LATER)}
    assert "broken" not in {found.get(clause) for clause in asked}
