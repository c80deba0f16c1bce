"""Numbers of audit sessions are given out again when a host is started, and one account has many sessions."""

from __future__ import annotations

import time

import pytest

from countersign.visits.keyed import keyed_sessions
from countersign.visits.names import HostNames
from countersign.visits.unix import told_by_others
from unix_story import AUDITED, SSH, audit, events, facts, hops, sessions, syslog, told, wtmp

CALL = 'SYSCALL arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=4211 auid={uid} uid={uid} euid={uid} tty=pts1 ses=41 comm="id" exe="/usr/bin/{name}"'


def call(at: str, serial: int, uid: int, name: str) -> str:
    return f"{at} {serial} {CALL.format(uid=uid, name=name)}"


def test_what_another_does_in_a_session_that_got_the_number_later_hangs_on_no_hop() -> None:
    login = "16:00:00 50 LOGIN pid=4100 uid=0 old-auid=4294967295 auid=2000 tty=(none) old-ses=4294967295 ses=41 res=1"
    (ssh,) = hops(
        audit(*AUDITED[:3], call("14:30:00", 40, 1005, "id"), login, call("16:01:00", 51, 2000, "wipe"))
    )
    assert told(ssh) == ["/usr/bin/id"]
    assert ssh.end is not None
    assert ssh.end.strftime("%H:%M") == "14:30"
    assert "given out anew" in ssh.end_reason


@pytest.mark.parametrize("lost", [True, False])
def test_who_logged_in_tells_two_sessions_of_one_number_apart(*, lost: bool) -> None:
    records = [*AUDITED[:3], call("16:01:00", 51, 2000, "wipe")]
    (ssh, *others) = sessions(audit(*(records if not lost else records[1:])))
    assert (ssh.account.name, ssh.last - ssh.first < 60_000_000, ssh.cut is not None) == ("eva", True, True)
    assert all(other.account.name != "eva" for other in others)


def test_a_login_that_was_silent_for_long_is_not_the_session_of_which_the_login_is_lost() -> None:
    enriched = 'SYSCALL arch=c000003e syscall=59 success=yes pid=4211 auid=1005 uid=1005 euid=1005 tty=pts1 ses=41 exe="/usr/bin/id"\x1dARCH=x86_64 SYSCALL=execve AUID="eva" UID="eva" EUID="eva"'
    login = syslog("01:58:20 sshd[4100]: Accepted password for eva from 192.0.2.45 port 50123 ssh2")
    early, late = sessions(login, audit(f"23:00:00 1 {enriched}"))
    assert (early.kind, late.kind) == ("ssh", "audit")


def test_a_login_with_another_audit_number_is_not_that_session() -> None:
    journal = (
        '{"__REALTIME_TIMESTAMP":"%d","_HOSTNAME":"db1","SYSLOG_IDENTIFIER":"sshd","_PID":"4300","_AUDIT_SESSION":"42",'
        '"MESSAGE":"pam_unix(sshd:session): session opened for user eva(uid=1005) by (uid=0)"}'
    )
    at = events("syslog", [f"Nov 20 {SSH[0][:8]} db1{SSH[0][8:]}".encode()]).column("time")[0].value
    found = sessions(events("journald", [(journal % (at + 5_000_000)).encode()]), audit(*AUDITED[:3]))
    assert sorted(one.key for one in found) == ["audit:41", "sshd:4300"]


def test_very_many_sessions_of_one_account_cost_no_more_each() -> None:
    def cost(many: int) -> float:
        lines = [
            f"14:{at % 60:02d}:{at // 60 % 60:02d} sshd[{at}]: Accepted password for eva from 192.0.2.45 port {at % 60000} ssh2"
            for at in range(many)
        ]
        logins = events(
            "linux.wtmp",
            [wtmp(7, 60 * (at % 60) + at // 60 % 60, "eva", line=f"pts/{at}") for at in range(many)],
            "db1",
        )
        found, hosts = facts(syslog(*lines), logins), HostNames(("db1",))
        known = keyed_sessions(found, hosts)
        began = time.process_time()
        told_by_others(known, found, hosts)
        return time.process_time() - began

    few = cost(500)
    assert cost(3000) < 6 * 4 * few + 0.2
