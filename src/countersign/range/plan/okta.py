"""What happens in Okta: sign-ins of people, what administrators change there, and users of a gateway whom it vouches for."""

from __future__ import annotations

from countersign.range.estate import Account, Person
from countersign.range.plan.places import WORK, Cause
from countersign.range.plan.scene import Scene
from countersign.range.truth import TrueHop
from countersign.range.writers import okta
from countersign.range.writers.brokers import Caller
from countersign.range.writers.okta import Target

VPN = ("AppInstance", "Cisco ASA VPN (SAML)", "Cisco ASA VPN (SAML)")
APPS = ("Okta Admin Console", "AWS Account Federation", "Microsoft Office 365", "Jira")
FIRST = 9_000_000
"""How long before the tunnel opens its user signs in, in microseconds."""


class Okta(Scene):
    """A scene with an Okta tenant."""

    def okta(
        self, hop: TrueHop, caller: Caller, name: str, session: int, kind: str, *targets: Target, after: int = 0,
        credential: str | None = None, data: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        """An event of the System Log."""
        number = self.number()
        body = okta.event(
            self.now + after, number, kind, caller, name, session=session, credential=credential, targets=targets, data=data
        )  # fmt: skip
        self.brought(self.layout.broker("okta"), hop, number, body, after)

    def okta_sign_in(self, person: Person, origin: str, *, mfa: bool = True) -> tuple[TrueHop, Caller, int]:
        """Somebody signs in, with a second factor or without: the hop, who it is, and the session."""
        caller, session = Caller(person.upn, origin, 443), self.number()
        hop = self.hop(person.upn, None, origin, "okta", "okta")
        hop.source_ip, hop.mfa = origin, mfa
        self._signed_in(hop, caller, person.name, session, mfa=mfa)
        self.wait(1, 6)
        app = self.rng.choice(APPS)
        self.okta(
            hop, caller, person.name, session, "user.authentication.sso", ("AppInstance", app, app),
            data={"signOnMode": "SAML_2_0"},
        )  # fmt: skip
        return hop, caller, session

    def _signed_in(
        self, hop: TrueHop, caller: Caller, name: str, session: int, *, mfa: bool, after: int = 0
    ) -> None:
        password = ("AuthenticatorEnrollment", "unknown", "Password")
        self.okta(hop, caller, name, session, "user.session.start", password, after=after)
        if mfa:
            user = ("User", caller.user, name)
            kind = "user.authentication.auth_via_mfa"
            self.okta(hop, caller, name, session, kind, user, after=after + 900_000, credential="OTP")

    def okta_vouched(self, account: Account, name: str, origin: str, hop: TrueHop) -> None:
        """A gateway sends its user here to sign in."""
        caller, session = Caller(f"{account.name}@{self.estate.spec.tenant}", origin, 443), self.number()
        self._signed_in(hop, caller, name, session, mfa=True, after=-FIRST)
        self.okta(
            hop, caller, name, session, "user.authentication.sso", VPN, after=1_500_000 - FIRST, data={"signOnMode": "SAML_2_0"}
        )  # fmt: skip

    def okta_change(
        self,
        hop: TrueHop,
        caller: Caller,
        name: str,
        session: int,
        kind: str,
        *targets: Target,
        cause: Cause = WORK,
    ) -> None:
        """Something changed by an administrator."""
        self.deed(hop, hop.target, "account", kind, cause)
        self.okta(hop, caller, name, session, kind, *targets)
        self.done()
        hop.end = self.now
