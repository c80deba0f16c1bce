"""What a step of a scenario is: its name, its ATT&CK techniques, its options, and what it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from countersign.range.attacks.player import Player

Options = dict[str, object]
Do = Callable[[Player, Options], None]


@dataclass(frozen=True, slots=True)
class Step:
    """A step: its techniques, options, and what it does."""

    name: str
    techniques: tuple[str, ...]
    options: tuple[str, ...]
    do: Do
    way_in: bool

    def play(self, player: Player, options: Options) -> None:
        """Does it."""
        player.doing = self.name
        self.do(player, options)


def step(name: str, techniques: str, options: str = "", *, way_in: bool = False) -> Callable[[Do], Step]:
    """Makes a step of what it does."""

    def made(do: Do) -> Step:
        return Step(name, tuple(techniques.split()), tuple(options.split()), do, way_in)

    return made
