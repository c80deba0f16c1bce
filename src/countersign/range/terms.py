"""The agreements that a range's providers are held to, as the customer would have written them."""

from __future__ import annotations

from pathlib import Path

from ruamel.yaml import YAML

from countersign.range.estate import Estate, Person, Provider
from countersign.range.plan.brokers import CLUSTER
from countersign.range.plan.vaults import VAULT

LONGEST_VISIT_HOURS = 10
WAYS_ON = ("rdp", "winrm", "smb", "scm", "wmi", "task", "explicit")


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
        vault = spec.bastion == "cyberark"
        name, address = (VAULT, whole.sites[0].network[6]) if vault else (CLUSTER, whole.sites[0].network[5])
        gateways.append({"name": name, "hosts": [name, str(address)], "protocol": "ssh"})
    origins = [{"address": str(network), "label": "office"} for network in spec.origins]
    origins += [{"address": str(network), "label": "on call"} for network in spec.mobile]
    return {
        "version": 1,
        "provider": {"id": spec.name, "name": spec.title},
        "zone": spec.zone,
        "contract": {"start": f"{whole.start.year}-01-01", "end": f"{whole.start.year + 1}-12-31"},
        "identities": _identities(provider, estate.spec.tenant),
        "origins": origins,
        "gateways": gateways,
        "grants": _grants(estate, provider),
        "never": [
            {"name": "log-cleared", "what": ["log_cleared"], "severity": "critical"},
            {"name": "domain-controller", "to": [estate.hosts[i].name for i in estate.by_role["controller"]]},
        ],
        "limits": {"max_visit_hours": LONGEST_VISIT_HOURS},
    }


def _identities(provider: Provider, tenant: str | None) -> list[dict[str, object]]:
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
        out.append({"name": " and ".join(person.name for person in people), "accounts": accounts})
    for service in provider.services:
        accounts = [service.account.qualified, service.account.name, service.upn]
        out.append({"name": service.name, "kind": "service", "accounts": accounts})
    return out


def _grants(estate: Estate, provider: Provider) -> list[dict[str, object]]:
    spec, jump = provider.spec, estate.hosts[provider.jump]
    who = [str(one["name"]) for one in _identities(provider, estate.spec.tenant)]
    when = f"mon-fri {spec.hours}"
    grants: list[dict[str, object]] = []
    if spec.gateway is not None:
        grants.append({"name": "dial in", "who": who, "to": [spec.gateway], "by": ["vpn"], "when": when})
    if spec.ways.get("bastion"):
        grants.append(
            {
                "name": "bastion",
                "who": who,
                "to": [VAULT if spec.bastion == "cyberark" else CLUSTER],
                "when": when,
            }
        )
    if spec.ways.get("support"):
        mine = [estate.hosts[i].name for i in provider.servers if not estate.hosts[i].linux]
        grants.append({"name": "remote support", "who": who, "to": sorted(mine), "when": when})
    grants.append({"name": "jump host", "who": who, "to": [jump.name], "by": ["rdp"], "when": when})
    names = sorted(estate.hosts[i].name for i in provider.servers)
    windows = [name for name in names if not name.startswith("lnx")]
    unix = [name for name in names if name.startswith("lnx")]
    if windows:
        grants.append(
            {
                "name": "servers",
                "who": who,
                "to": windows,
                "by": list(WAYS_ON),
                "via": [jump.name],
                "when": when,
            }
        )
    if unix:
        grants.append(
            {
                "name": "linux",
                "who": who,
                "to": unix,
                "by": ["ssh", "sudo"],
                "via": [jump.name],
                "as": ["root"],
                "when": when,
            }
        )
    return grants
