from __future__ import annotations

import pytest

from unit.sources.source_lines import syslog, within


@pytest.mark.parametrize(
    ("message", "status", "terminal"),
    [
        ("(to root) jane on pts/0", 1, "pts/0"),
        ("FAILED SU (to root) jane on pts/0", 2, "pts/0"),
        ("(to root) jane on none", 1, None),
        ("Successful su for root by jane", 1, None),
        ("FAILED su for root by jane", 2, None),
        ("+ /dev/pts/0 jane:root", 1, "/dev/pts/0"),
        ("- /dev/pts/0 jane:root", 2, "/dev/pts/0"),
        ("jane to root on /dev/pts/0", 1, "/dev/pts/0"),
        ("BAD SU jane to root on /dev/ttyp0", 2, "/dev/ttyp0"),
    ],
)
def test_who_became_whom(message: str, status: int, terminal: str | None) -> None:
    assert within(
        syslog(message, "su[9]"),
        class_uid=3002,
        activity_id=1,
        status_id=status,
        actor__user__name="jane",
        user__name="root",
        session__terminal=terminal,
        session__uid="su:9",
    )


def test_other_words_of_su() -> None:
    assert within(syslog("'su root' failed for lonvick on /dev/pts/8", "su"), class_uid=0)
