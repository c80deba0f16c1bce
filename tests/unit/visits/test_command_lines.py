"""Command lines of su and of shells: as whom, and whether somebody goes on to work in it."""

from __future__ import annotations

import pytest

from countersign.visits.command_lines import is_shell, wanted


@pytest.mark.parametrize(
    ("command", "account"),
    [
        ("/usr/bin/su - oracle", "oracle"),
        ("su", "root"),
        ("su -s /bin/bash -l oracle", "oracle"),
        ("su - oracle -c id", ""),
        ("/usr/bin/id", ""),
        ("", ""),
    ],
)
def test_whom_su_is_asked_for(command: str, account: str) -> None:
    assert wanted(command) == account
    assert is_shell(command) == bool(account)


@pytest.mark.parametrize(
    ("command", "account"),
    [
        ("su -lc id oracle", ""),
        ("su oracle -lc id", ""),
        ("su -cid oracle", ""),
        ("su --session-command=id oracle", ""),
        ("su - oracle /opt/job.sh", ""),
        ("su -T oracle", "oracle"),
        ("su -lw LANG oracle", "oracle"),
        ("su --shell=/bin/sh oracle", "oracle"),
        ("su --shell /bin/sh oracle", "oracle"),
        ("su --login", "root"),
    ],
)
def test_whom_su_is_asked_for_whatever_its_options(command: str, account: str) -> None:
    assert wanted(command) == account


@pytest.mark.parametrize(
    ("command", "shell"),
    [
        ("/bin/bash -li", True),
        ("/bin/bash --norc", True),
        ("bash --rcfile /tmp/x", True),
        ("-bash", True),
        ("/bin/bash -lc id", False),
        ("/bin/sh /opt/job.sh", False),
        ("/bin/sh -x /opt/job.sh", False),
    ],
)
def test_a_shell_with_nothing_to_run_is_one_to_work_in(command: str, *, shell: bool) -> None:
    assert is_shell(command) is shell
