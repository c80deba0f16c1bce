"""What a step of a scenario is: its name, its ATT&CK techniques, its options, and what it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from countersign.range.attacks.player import Player

TO = "to=jump|file|app|sql|web|controller|linux|clinical"
"""The option of a step that goes to a host of a role."""

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
