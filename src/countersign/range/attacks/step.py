"""What a step of a scenario is: its name, its ATT&CK techniques, its options, and what it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from countersign.range.attacks.player import Player

TO = "to=jump|file|app|sql|web|controller|linux|clinical"
"""The option of a step that goes to a host of a role."""


@dataclass(frozen=True, slots=True)
class Number:
    """What an option that is a number may be, both ends included."""

    least: int
    most: int
    whole: bool = True

    def holds(self, value: object) -> bool:
        """Whether `value`, as YAML has read it, is such a number."""
        kinds = (int,) if self.whole else (int, float)
        return isinstance(value, kinds) and not isinstance(value, bool) and self.least <= value <= self.most

    @property
    def words(self) -> str:
        """The same for whoever wrote another."""
        return f"a {'whole ' if self.whole else ''}number from {self.least:,} to {self.most:,}"


NUMBERS = {
    "megabytes": Number(1, 1_000_000),
    "hosts": Number(1, 1_000),
    "times": Number(1, 1_000),
    "days": Number(1, 400),
    "hours": Number(0, 240, whole=False),
    "minutes": Number(0, 14_400, whole=False),
}
"""The options that are numbers, whichever step has them."""

Options = dict[str, object]
Do = Callable[[Player, Options], None]


@dataclass(frozen=True, slots=True)
class Step:
    """A step: its techniques, options, and what it does."""

    name: str
    techniques: tuple[str, ...]
    options: dict[str, tuple[str, ...]]
    """What each may be; anything where nothing is said."""
    do: Do
    way_in: bool

    def play(self, player: Player, options: Options) -> None:
        """Does it."""
        player.doing = self.name
        self.do(player, options)


def step(name: str, techniques: str, options: str = "", *, way_in: bool = False) -> Callable[[Do], Step]:
    """Makes a step of what it does; an option is its name alone, or `name=this|that`."""

    def made(do: Do) -> Step:
        known = {}
        for option in options.split():
            key, _, values = option.partition("=")
            known[key] = tuple(values.split("|")) if values else ()
        return Step(name, tuple(techniques.split()), known, do, way_in)

    return made
