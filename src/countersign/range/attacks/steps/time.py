"""Time that goes by, and coming back."""

from __future__ import annotations

from countersign.range.attacks.player import Player
from countersign.range.attacks.step import Options, step
from countersign.range.attacks.steps.ways_in import login_vpn
from countersign.range.estate import Person, Provider


@step("wait", "", "minutes")
def wait(p: Player, options: Options) -> None:
    """Nothing happens."""
    p.acts.wait(float(str(options.get("minutes", 30))) * 60)


@step("return_after_cleanup", "T1133 T1078.002", "days", way_in=True)
def return_after_cleanup(p: Player, _: Options) -> None:
    """The way in of before, days later and with another account of the provider's."""
    login_vpn.do(p, {})


def account_after_cleanup(provider: Provider, person: Person) -> Person:
    """Whose account is used after the first one was closed."""
    people = provider.people
    return people[(people.index(person) + 1) % len(people)] if person in people else people[0]


STEPS = (wait, return_after_cleanup)
