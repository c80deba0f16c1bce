"""The agreements that a range's providers are held to, as the customer would have written them."""

from __future__ import annotations

from io import StringIO

from ruamel.yaml import YAML

from countersign.range.demo.files import Files
from countersign.range.demo.spec import HoursSpec, ProviderSpec, RangeSpec

LONGEST_VISIT_HOURS = 8
COLLECTORS_TOOLS = ["rar*", "pscp*", "psexec*", "mimikatz*", "procdump*"]
"""Programs of TA17-117A and TA18-276A that no ordinary work in a range uses."""


def write_agreements(spec: RangeSpec, files: Files) -> None:
    """`agreements/<provider>.yaml` for each provider; ordinary visits keep them, the intrusion does not."""
    yaml = YAML(typ="rt", pure=True)
    yaml.default_flow_style = None
    yaml.representer.ignore_aliases = lambda _: True
    yaml.width = 100
    for provider in spec.providers:
        text = StringIO()
        yaml.dump(_agreement(spec, provider), text)
        for line in text.getvalue().splitlines():
            files.write(f"agreements/{provider.name}.yaml", line)


def _agreement(spec: RangeSpec, provider: ProviderSpec) -> dict[str, object]:
    jump = next(host for host in spec.hosts if host.role == "jump")
    gateway = next(gateway for gateway in spec.gateways if gateway.name == provider.gateway)
    controllers = [host.name for host in spec.hosts if host.role == "controller"]
    return {
        "version": 1,
        "provider": {"id": provider.name, "name": provider.title},
        "zone": spec.zone,
        "contract": {"start": f"{spec.start.year}-01-01", "end": f"{spec.start.year + 1}-12-31"},
        "identities": _identities(spec, provider),
        "origins": [{"address": str(network), "label": "office"} for network in provider.origins],
        "gateways": [
            {
                "name": gateway.name,
                "hosts": [gateway.name],
                "protocol": "vpn",
                "leases": [str(gateway.pool)],
            },
            {"name": jump.name, "hosts": [jump.name, str(jump.address)], "protocol": "rdp"},
        ],
        "grants": _grants(provider, gateway.name, jump.name),
        "never": [
            {"name": "log-cleared", "what": ["log_cleared"], "severity": "critical"},
            {"name": "other-credentials", "what": ["credential_switch"]},
            {"name": "admin-shares", "what": ["admin_shares"]},
            {"name": "domain-controller", "to": controllers},
            {"name": "collection-tools", "tools": COLLECTORS_TOOLS},
        ],
        "limits": {"max_visit_hours": LONGEST_VISIT_HOURS},
    }


def _identities(spec: RangeSpec, provider: ProviderSpec) -> list[dict[str, object]]:
    domain = spec.domain.netbios
    people: list[dict[str, object]] = [
        {"name": person.name, "accounts": [f"{domain}\\{person.account}", person.account]}
        for person in provider.people
    ]
    services: list[dict[str, object]] = [
        {
            "name": service.account,
            "kind": "service",
            "accounts": [f"{domain}\\{service.account}", service.account],
        }
        for service in provider.services
    ]
    return people + services


def _when(hours: HoursSpec) -> str:
    return f"mon-fri {hours.from_}-{hours.to}"


def _grants(provider: ProviderSpec, gateway: str, jump: str) -> list[dict[str, object]]:
    """Dial in, then the jump host, then each host by the ways its jobs need."""
    people = [person.name for person in provider.people]
    when = _when(provider.hours)
    grants: list[dict[str, object]] = [
        {"name": "dial in", "who": people, "to": [gateway], "by": ["vpn"], "when": when},
        {
            "name": "jump host",
            "who": people,
            "to": [jump],
            "by": ["rdp"],
            "via": [gateway],
            "when": when,
        },
    ]
    ways: dict[str, list[str]] = {}
    for job in provider.jobs:
        known = ways.setdefault(job.target, [])
        known += [way for way in (job.by, *(["sudo"] if job.by == "ssh" else [])) if way not in known]
    grants += [
        {"name": f"work on {target}", "who": people, "to": [target], "by": by, "via": [jump], "when": when}
        for target, by in ways.items()
    ]
    for service in provider.services:
        when = _when(service.hours)
        account = service.account
        grants.append(
            {"name": f"{account} dials in", "who": [account], "to": [gateway], "by": ["vpn"], "when": when}
        )
        grants.append(
            {
                "name": f"{account} runs",
                "who": [account],
                "to": [service.target],
                "by": ["smb"],
                "via": [gateway],
                "when": when,
            }
        )
    return grants
