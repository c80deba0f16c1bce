"""The agreements that a range's providers are held to, as the customer would have written them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ruamel.yaml import YAML

from countersign.range.estate import Estate, Person, Provider
from countersign.range.plan.becoming import ROOT, SERVICES
from countersign.range.plan.brokers import CLUSTER
from countersign.range.plan.okta import APPS as OKTA_APPS
from countersign.range.plan.vaults import VAULT
from countersign.range.writers.cloud import APPS

LONGEST_VISIT_HOURS = 10
WAYS_ON = ("rdp", "winrm", "smb", "scm", "wmi", "task", "explicit", "network")


def write_agreements(estate: Estate, folder: Path) -> None:
    """`<provider>.yaml` for each provider."""
    folder.mkdir(parents=True, exist_ok=True)
    yaml = YAML(typ="rt", pure=True)
    yaml.default_flow_style = None
    yaml.representer.ignore_aliases = lambda _: True
    yaml.width = 100
    for provider in estate.providers:
        with (folder / f"{provider.spec.name}.yaml").open("wb") as file:
            yaml.dump(_agreement(estate, provider), file)


def _agreement(estate: Estate, provider: Provider) -> dict[str, object]:
    spec, whole = provider.spec, estate.spec
    jump = estate.hosts[provider.jump]
    gateways: list[dict[str, object]] = [
        {"name": gateway.name, "hosts": [gateway.name], "protocol": "vpn", "leases": [str(gateway.pool)]}
        for gateway in whole.gateways
        if gateway.name == spec.gateway
    ]
    gateways.append({"name": jump.name, "hosts": [jump.name, jump.ip], "protocol": "rdp"})
    if spec.ways.get("bastion"):
        name = _bastion(provider)
        address = whole.sites[0].network[6 if name == VAULT else 5]
        gateways.append({"name": name, "hosts": [name, str(address)], "protocol": "bastion"})
    origins = [{"address": str(network), "label": "office"} for network in spec.origins]
    origins += [{"address": str(network), "label": "on call"} for network in spec.mobile]
    return {
        "version": 1,
        "provider": {"id": spec.name, "name": spec.title},
        "zone": spec.zone,
        "contract": {"start": f"{whole.start.year}-01-01", "end": f"{whole.start.year + 1}-12-31"},
        "identities": _identities(estate, provider),
        "origins": origins,
        "gateways": gateways,
        "grants": _grants(estate, provider),
        "never": [
            {"name": "log-cleared", "what": ["log_cleared"], "severity": "critical"},
            {"name": "domain-controller", "to": [estate.hosts[i].name for i in estate.by_role["controller"]]},
        ],
        "limits": {"max_visit_hours": LONGEST_VISIT_HOURS},
    }


def _identities(estate: Estate, provider: Provider) -> list[dict[str, object]]:
    tenant, spec = estate.spec.tenant, provider.spec
    by_account: dict[str, list[Person]] = {}
    for person in provider.people:
        by_account.setdefault(person.account.name, []).append(person)
    out: list[dict[str, object]] = []
    for people in by_account.values():
        first = people[0]
        accounts = [first.account.qualified, first.account.name, *(person.upn for person in people)]
        if tenant is not None:
            # by which the tenant vouches for them at a gateway
            accounts.append(f"{first.account.name}@{tenant}")
        if spec.ways.get("aws"):
            role = f"{spec.name}-operations"
            names = [person.upn.partition("@")[0] for person in people]
            accounts += [
                f"arn:aws:sts::{account}:assumed-role/{role}/{name}"
                for account in estate.aws
                for name in names
            ]
        out.append({"name": " and ".join(person.name for person in people), "accounts": accounts})
    for service in provider.services:
        accounts = [service.account.qualified, service.account.name, service.upn]
        out.append({"name": service.name, "kind": "service", "accounts": accounts})
    return out


def _grants(estate: Estate, provider: Provider) -> list[dict[str, object]]:
    spec, jump = provider.spec, estate.hosts[provider.jump]
    who = [str(one["name"]) for one in _identities(estate, provider)]
    when = f"mon-fri {spec.hours}"
    servers = [estate.hosts[i] for i in provider.servers]
    windows = sorted(host.name for host in servers if not host.linux)
    unix = sorted(host.name for host in servers if host.linux)
    via = [jump.name, *([_bastion(provider)] if spec.ways.get("bastion") else [])]
    grants: list[dict[str, object]] = []
    if spec.gateway is not None:
        grants.append({"name": "dial in", "who": who, "to": [spec.gateway], "by": ["vpn"], "when": when})
    if spec.ways.get("bastion"):
        grants.append({"name": "bastion", "who": who, "to": [_bastion(provider)], "when": when})
    for name, to, by in _past_gateways(estate, provider, windows):
        grants.append({"name": name, "who": who, "to": to, "by": by, "when": when})
    grants.append({"name": "jump host", "who": who, "to": [jump.name], "by": ["rdp"], "when": when})
    if windows:
        grants.append(
            {"name": "servers", "who": who, "to": windows, "by": list(WAYS_ON), "via": via, "when": when}
        )
    if unix:
        grants.append(
            {
                "name": "linux",
                "who": who,
                "to": unix,
                "by": ["ssh", "sudo", "su"],
                "via": via,
                "as": [ROOT, *(name for name, _ in SERVICES)],
                "when": when,
            }
        )
    return [*grants, *_unattended(provider, windows)]


def _past_gateways(
    estate: Estate, provider: Provider, windows: list[str]
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Ways that lead through no gateway of the network, each with what it leads to and its protocols."""
    ways = provider.spec.ways
    if ways.get("support"):
        yield "remote support", windows, ["screenconnect"]
    if ways.get("entra"):
        labels = [*(label for label, *_ in APPS), "Microsoft 365", "Entra ID"]
        yield "tenant", _spelt(labels), ["signin", "m365"]
    if ways.get("aws"):
        yield "cloud accounts", list(estate.aws), ["aws"]
    if ways.get("okta"):
        yield "identity provider", _spelt([*OKTA_APPS, "Okta"]), ["signin", "okta"]


def _spelt(labels: list[str]) -> list[str]:
    """Applications as agreements name them, who know no blanks."""
    return [label.replace(" ", "*") for label in labels]


def _unattended(provider: Provider, windows: list[str]) -> Iterator[dict[str, object]]:
    """Services come at night, straight to the servers, and agents whenever they like."""
    who = [service.name for service in provider.services]
    if who and provider.spec.gateway is not None:
        yield {"name": "dial in at night", "who": who, "to": [provider.spec.gateway], "by": ["vpn"]}
    if who and windows:
        ways = [*WAYS_ON, *(["ninjaone"] if provider.spec.agents else [])]
        yield {"name": "unattended", "who": who, "to": windows, "by": ways}


def _bastion(provider: Provider) -> str:
    return VAULT if provider.spec.bastion == "cyberark" else CLUSTER
