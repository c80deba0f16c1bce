"""Sign-ins, roles and what is done in clouds."""

from __future__ import annotations

from countersign.range.estate import uuid_of
from countersign.range.plan.places import WORK, Cause
from countersign.range.plan.scene import Scene
from countersign.range.truth import TrueHop
from countersign.range.writers import cloud

REGION = "eu-west-2"


class Clouds(Scene):
    """What happens in the tenant and in accounts."""

    def sign_in(
        self, upn: str, name: str, address: str, home: str, app: int, *, mfa: bool, kind: str = "partner"
    ) -> tuple[TrueHop, int]:
        """A sign-in to the tenant; the session."""
        estate, number = self.estate, self.number()
        hop = self.hop(upn, None, address, estate.spec.tenant or "", "entra")
        hop.source_ip, hop.mfa, hop.session = address, mfa, uuid_of(number)
        body = cloud.sign_in(
            self.now, number, tenant=estate.tenant_id, home=home, upn=upn, name=name, address=address, app=app, kind=kind,
            mfa=mfa, session=number,
        )  # fmt: skip
        self.cloud(self.layout.entra, hop, number, body)
        return hop, number

    def office(
        self,
        hop: TrueHop,
        upn: str,
        address: str,
        operation: str,
        more: dict[str, object],
        cause: Cause = WORK,
    ) -> None:
        """Something done in Microsoft 365."""
        number = self.number()
        self.deed(hop, hop.target, "log", operation, cause)
        mail = operation.startswith(("Mail", "New-", "Set-", "Add-"))
        body = cloud.unified_audit(
            self.now, number, tenant=self.estate.tenant_id, upn=upn, address=address, operation=operation,
            workload="Exchange" if mail else "SharePoint", record_type=1 if mail else 6, more=more,
        )  # fmt: skip
        self.cloud(self.layout.m365, hop, number, body)
        self.done()
        hop.end = self.now

    def directory(
        self, hop: TrueHop, upn: str, address: str, operation: str, category: str, targets: list[dict[str, object]],
        cause: Cause = WORK,
    ) -> None:  # fmt: skip
        """Something changed in the directory."""
        number = self.number()
        self.deed(hop, hop.target, "account", operation, cause)
        body = cloud.directory_audit(
            self.now, number, tenant=self.estate.tenant_id, upn=upn, address=address, operation=operation, category=category,
            targets=list(targets),
        )  # fmt: skip
        self.cloud(self.layout.entra, hop, number, body)
        self.done()
        hop.end = self.now

    def assume(
        self,
        role: str,
        person: str,
        address: str,
        *,
        account: int = 0,
        mfa: bool = True,
        parent: TrueHop | None = None,
    ) -> tuple[TrueHop, dict[str, object], int]:
        """AssumeRole into an account: the hop, the identity that calls have from now on, and the account."""
        estate, number = self.estate, self.number()
        name = estate.aws[account % len(estate.aws)]
        home = str(100_000_000_000 + estate.base("vendor", role) % 800_000_000_000)
        arn = f"arn:aws:iam::{name}:role/{role}"
        hop = self.hop(f"arn:aws:sts::{name}:assumed-role/{role}/{person}", None, address, name, "aws")
        hop.source_ip, hop.mfa, hop.parent = address, mfa, None if parent is None else parent.number
        key = cloud.access_key(number)
        hop.session = key
        caller = {
            "type": "AWSAccount",
            "principalId": f"AIDA{cloud.access_key(estate.base(person))[4:]}:{person}",
            "accountId": home,
        }
        identity = cloud.assumed_role(name, role, person, key, self.now, mfa=mfa)
        response = {
            "credentials": {"accessKeyId": key, "sessionToken": "<hidden>", "expiration": "<hidden>"},
            "assumedRoleUser": {"assumedRoleId": identity["principalId"], "arn": identity["arn"]},
        }
        body = cloud.api_call(
            self.now, number, account=name, region=REGION, service="sts.amazonaws.com", name="AssumeRole", identity=caller,
            address=address, agent="aws-cli/2.17.20", request={"roleArn": arn, "roleSessionName": person, "externalId": f"x-{role}"},
            response=response, resources=[{"accountId": name, "type": "AWS::IAM::Role", "ARN": arn}],
        )  # fmt: skip
        self.cloud(self.layout.trail(account % len(estate.aws)), hop, number, body)
        return hop, identity, account % len(estate.aws)

    def call(
        self, hop: TrueHop, identity: dict[str, object], account: int, address: str, service: str, name: str,
        request: object = None, *, read_only: bool = True, cause: Cause = WORK,
    ) -> None:  # fmt: skip
        """An API call with a role's key."""
        number = self.number()
        self.deed(hop, hop.target, "log", name, cause)
        body = cloud.api_call(
            self.now, number, account=self.estate.aws[account], region=REGION, service=f"{service}.amazonaws.com", name=name,
            identity=identity, address=address, agent="aws-cli/2.17.20", request=request, read_only=read_only,
        )  # fmt: skip
        self.cloud(self.layout.trail(account), hop, number, body)
        self.done()
        hop.end = self.now
