"""What partners do in the tenant and in cloud accounts."""

from __future__ import annotations

from countersign.range.estate import Person, Provider
from countersign.range.plan.acts import Acts
from countersign.range.truth import TrueHop
from countersign.range.writers.cloud import role_given

OFFICE_WORK = (
    "MailItemsAccessed",
    "Set-Mailbox",
    "New-InboxRule",
    "FileAccessed",
    "FileDownloaded",
    "Add-MailboxPermission",
)
DIRECTORY_WORK = (
    ("Update user", "UserManagement"), ("Reset user password", "UserManagement"), ("Add member to group", "GroupManagement"),
    ("Consent to application", "ApplicationManagement"), ("Add service principal credentials", "ApplicationManagement"),
    ("Add member to role", "RoleManagement"), ("Update conditional access policy", "Policy"),
    ("User registered security info", "UserManagement"), ("Register device", "Device"),
    ("Set federation settings on domain", "DirectoryManagement"),
)  # fmt: skip
DIRECTORY_WEIGHTS = (6, 4, 5, 4, 4, 4.5, 0.4, 4, 3, 1)
AWS_WORK = (
    ("ec2", "DescribeInstances", True), ("ec2", "DescribeSnapshots", True), ("s3", "ListBuckets", True),
    ("iam", "ListUsers", True), ("iam", "ListRoles", True), ("ec2", "AuthorizeSecurityGroupIngress", False),
    ("ssm", "SendCommand", False), ("iam", "CreateAccessKey", False), ("ec2", "ModifySnapshotAttribute", False),
    ("secretsmanager", "GetSecretValue", True), ("cloudtrail", "DescribeTrails", True), ("sts", "GetCallerIdentity", True),
    ("cloudtrail", "StopLogging", False), ("rds", "DescribeDBInstances", True),
)  # fmt: skip
"""What partners do in an account; the rare ones are an intruder's too."""
AWS_WEIGHTS = (9, 5, 5, 3, 3, 0.6, 1, 1.2, 1.4, 2.5, 2, 4, 0.4, 3)
"""Keys are rotated, snapshots shared with another account of the same owner, secrets read by whoever deploys."""


def office_details(operation: str, number: int) -> dict[str, object]:
    """What a record of the unified audit log says of an operation on one of the tenant's users."""
    details: dict[str, object] = {"ObjectId": f"user{number}"}
    if operation == "New-InboxRule":
        details["Parameters"] = [{"Name": "ForwardTo", "Value": "archive@mail.example"}]
    return details


def cloud_visit(acts: Acts, provider: Provider, person: Person, origin: str) -> None:
    """A partner's administrator in the tenant."""
    rng = acts.rng
    hop, _ = acts.sign_in(
        person.upn, person.name, origin, provider.tenant_id, rng.randrange(5), mfa=rng.random() < 0.97
    )
    for _ in range(rng.randrange(2, 12)):
        acts.wait(10 * person.pace, 300 * person.pace)
        in_tenant(acts, hop, person.upn, origin)


def in_tenant(acts: Acts, hop: TrueHop, upn: str, origin: str) -> None:
    """One thing that a partner's administrator does in the tenant."""
    rng = acts.rng
    if rng.random() < 0.5:
        operation, category = rng.choices(DIRECTORY_WORK, DIRECTORY_WEIGHTS)[0]
        target: dict[str, object] = {"type": "User", "displayName": f"user{rng.randrange(900)}"}
        if operation == "Add member to role":
            role = rng.choice(("Helpdesk Administrator", "Exchange Administrator", "Global Administrator"))
            target = role_given(f"user{rng.randrange(900)}", role)
        acts.directory(hop, upn, origin, operation, category, [target])
    else:
        operation = rng.choices(OFFICE_WORK, (5, 2, 2, 4, 2, 1))[0]
        acts.office(hop, upn, origin, operation, office_details(operation, rng.randrange(900)))


OKTA_WORK = (
    "user.account.reset_password", "user.mfa.factor.reset_all", "group.user_membership.add", "user.account.unlock_by_admin",
    "application.user_membership.add", "user.lifecycle.deactivate",
)  # fmt: skip
"""What partners do in Okta."""


def okta_visit(acts: Acts, person: Person, origin: str) -> None:
    """A partner's administrator in Okta."""
    rng = acts.rng
    hop, caller, session = acts.okta_sign_in(person, origin, mfa=rng.random() < 0.97)
    for _ in range(rng.randrange(1, 9)):
        acts.wait(10 * person.pace, 300 * person.pace)
        user = f"user{rng.randrange(900)}"
        target = ("User", f"{user}@{acts.estate.spec.tenant}", user)
        acts.okta_change(hop, caller, person.name, session, rng.choice(OKTA_WORK), target)
    acts.wait(5, 60)
    acts.okta(hop, caller, person.name, session, "user.session.end")
    hop.end = acts.now


def aws_visit(acts: Acts, provider: Provider, person: Person, origin: str) -> None:
    """A partner's operator in an account; now and then from there into another."""
    rng, estate = acts.rng, acts.estate
    name = person.upn.partition("@")[0]
    account = rng.randrange(len(estate.aws))
    hop, identity, account = acts.assume(f"{provider.spec.name}-operations", name, origin, account=account)
    for _ in range(rng.randrange(3, 20)):
        acts.wait(5 * person.pace, 120 * person.pace)
        in_account(acts, hop, identity, account, origin)


def in_account(
    acts: Acts, hop: TrueHop, identity: dict[str, object], account: int, origin: str, *, change: bool = True
) -> None:
    """One call that a partner's operator makes in an account; without `change` one that only reads."""
    weights = [w if change or read else 0 for w, (*_, read) in zip(AWS_WEIGHTS, AWS_WORK, strict=True)]
    service, call, read = acts.rng.choices(AWS_WORK, weights)[0]
    acts.call(hop, identity, account, origin, service, call, read_only=read)
