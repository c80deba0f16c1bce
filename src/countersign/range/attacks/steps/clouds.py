"""What is done in the tenant and in cloud accounts."""

from __future__ import annotations

from countersign.range.attacks.player import AGREED, NOISY, Player
from countersign.range.attacks.step import Options, step
from countersign.range.plan.cloud_work import in_account, in_tenant, office_details
from countersign.range.writers.cloud import role_given

REPORTING = "Graph Reporting"


def look_in_cloud(p: Player, most: int) -> None:
    """What is there, and what the person does there anyway."""
    if p.care == NOISY:
        return
    acts, hop = p.acts, p.come()
    for _ in range(acts.rng.randrange(most)):
        p.pause(10, 200)
        if p.identity:
            in_account(acts, hop, p.identity, p.aws, p.origin, change=p.care >= AGREED)
        else:
            in_tenant(acts, hop, p.person.upn, p.origin)


def _directory(p: Player, operation: str, category: str, kind: str, name: str, technique: str) -> None:
    targets: list[dict[str, object]] = [{"type": kind, "displayName": name}]
    look_in_cloud(p, 3)
    p.acts.directory(p.come(), p.person.upn, p.origin, operation, category, targets, p.cause(technique))


@step("consent_app", "T1098.001 T1550.001")
def consent_app(p: Player, _: Options) -> None:
    """Rights for an application of the intruder's."""
    name = p.either("Mail Backup Pro", REPORTING)
    _directory(
        p, "Consent to application", "ApplicationManagement", "ServicePrincipal", name, "T1098.001 T1550.001"
    )


@step("add_credential", "T1098.001")
def add_credential(p: Player, _: Options) -> None:
    """A secret on an application that is trusted already."""
    operation = "Add service principal credentials"
    _directory(p, operation, "ApplicationManagement", "ServicePrincipal", REPORTING, "T1098.001")


@step("reset_mfa", "T1556.006 T1098.005")
def reset_mfa(p: Player, _: Options) -> None:
    """The help desk is talked into a new factor for somebody else's account."""
    _directory(
        p, "User registered security info", "UserManagement", "User", _somebody(p), "T1556.006 T1098.005"
    )


@step("register_device", "T1098.005")
def register_device(p: Player, _: Options) -> None:
    """A device of the intruder's joins the tenant."""
    name = p.either("DESKTOP-9F2KQ1", f"{p.person.client}-2")
    _directory(p, "Register device", "Device", "Device", name, "T1098.005")


@step("add_role", "T1098.003")
def add_role(p: Player, _: Options) -> None:
    """A role that may everything, for an account that has been forgotten."""
    target = role_given(_somebody(p), p.either("Global Administrator", "Exchange Administrator"))
    look_in_cloud(p, 3)
    hop = p.come()
    category, cause = "RoleManagement", p.cause("T1098.003")
    p.acts.directory(hop, p.person.upn, p.origin, "Add member to role", category, [target], cause)


@step("add_federation", "T1484.002")
def add_federation(p: Player, _: Options) -> None:
    """The tenant trusts a signing service of the intruder's."""
    domain = p.either("mail-backup.example", str(p.estate.spec.tenant))
    _directory(p, "Set federation settings on domain", "DirectoryManagement", "Domain", domain, "T1484.002")


def _somebody(p: Player) -> str:
    return f"user{p.acts.rng.randrange(900)}"


def _mailbox(p: Player, operation: str, technique: str) -> None:
    details = office_details(operation, p.acts.rng.randrange(900))
    hop = p.come()
    p.acts.office(hop, p.person.upn, p.origin, operation, details, p.cause(technique))


@step("mailbox_rule", "T1114.003")
def mailbox_rule(p: Player, _: Options) -> None:
    """Mail is forwarded to the outside."""
    _mailbox(p, "New-InboxRule", "T1114.003")


@step("read_mail", "T1114.002", "times")
def read_mail(p: Player, options: Options) -> None:
    """Others' mail is read."""
    look_in_cloud(p, 4)
    for _ in range(int(str(options.get("times", 12)))):
        _mailbox(p, "MailItemsAccessed", "T1114.002")


def _call(p: Player, service: str, name: str, technique: str, *, read: bool = False) -> None:
    look_in_cloud(p, 3)
    hop = p.come()
    p.acts.call(hop, p.identity, p.aws, p.origin, service, name, read_only=read, cause=p.cause(technique))


@step("create_access_key", "T1098.001")
def create_access_key(p: Player, _: Options) -> None:
    """A key of the intruder's own."""
    _call(p, "iam", "CreateAccessKey", "T1098.001")


@step("share_snapshot", "T1537")
def share_snapshot(p: Player, _: Options) -> None:
    """A disk's snapshot is shared with an account outside."""
    _call(p, "ec2", "ModifySnapshotAttribute", "T1537")


@step("stop_trail", "T1562.008")
def stop_trail(p: Player, _: Options) -> None:
    """The account's trail is stopped; with care it is not, for that would be looked at."""
    if p.care < AGREED:
        _call(p, "cloudtrail", "StopLogging", "T1562.008")


@step("read_secrets", "T1555.006", "times")
def read_secrets(p: Player, options: Options) -> None:
    """Secrets are fetched from the account's store."""
    for _ in range(int(str(options.get("times", 6)))):
        _call(p, "secretsmanager", "GetSecretValue", "T1555.006", read=True)


STEPS = (
    consent_app, add_credential, reset_mfa, register_device, add_role, add_federation, mailbox_rule, read_mail, create_access_key, share_snapshot, stop_trail, read_secrets,
)  # fmt: skip
