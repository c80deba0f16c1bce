"""Who works as somebody else at a Unix shell: single commands by sudo, and a shell of root or of a service's account by sudo or su.

Lines are those of sudo 1.9, su of util-linux and Linux-PAM 1.5, as Debian 12 and Red Hat 9 have them. Debian's rsyslog is given sudo's and su's
lines without process ids (sudoers(5), `syslog_pid`), Red Hat's takes them from the journal, which adds them. Where sudo gives its command a
terminal of its own (`use_pty`, here Debian's), su finds no login at that one and names root, who asks; PAM's `by` has who logged in, with the number
of whoever asks. `sudo su` is one change of account, and what is done in such a shell no log of these tells.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace

from countersign.range.estate import Host
from countersign.range.plan.leases import terminals_of
from countersign.range.plan.places import WORK, Cause, Foothold
from countersign.range.plan.traces import Traces
from countersign.range.truth import TrueHop

CHANGES, AS_SERVICE, SERVICE_NEXT, WENT_ON = 0.45, 0.25, 0.25, 0.12
"""How often in a session somebody opens a shell as another account, how often that is a service's and not root; and how often somebody
who is root becomes a service's account as well, or goes on to another host as root."""
WAYS = (("sudo -i", 0.35), ("sudo -s", 0.5), ("sudo su", 0.75), ("su", 1.0))
"""How: each up to its share."""
MISTYPED = 0.1
"""How often su is given a wrong password first."""
ROOT, SERVICES = "root", (("postgres", 989), ("tomcat", 991), ("oracle", 1521), ("jenkins", 993))
"""The service's account of a host is one of these, with its number."""
IS_ROOT = 0
"""Root's number."""


@dataclass(frozen=True, slots=True)
class Shell:
    """A shell on a Linux host: as whom, by which hop it was reached, and who had logged in at the terminal."""

    host: Host
    name: str
    uid: int
    login: str
    hop: TrueHop
    terminal: str
    served: int
    """The process of sshd's that serves it."""
    by_sudo: bool = False
    """Whether the terminal is one that sudo made, of which no login is known."""

    @property
    def session(self) -> int:
        """The number that logind gives the login."""
        return 100 + self.served % 9000


class Becoming(Traces):
    """What su and sudo leave behind."""

    def sudo(self, shell: Shell, command: str, cause: Cause = WORK) -> None:
        """A single command as root."""
        self.deed(shell.hop, shell.host.name, "process", f"sudo {command}", cause)
        number = self._asked(shell, ROOT, command)
        self.wait(1, 3)
        self._tell(shell, "sudo", number, "pam_unix(sudo:session): session closed for user root")
        self.done()

    def changes(self, shell: Shell) -> None:
        """Now and then somebody works as another account for a while."""
        if self.rng.random() < CHANGES:
            self.wait(5, 40)
            self._as_other(shell, self._service(shell.host) if self.rng.random() < AS_SERVICE else None)

    @abstractmethod
    def on_as_root(self, source: Foothold, host: Host) -> None:
        """From a shell of root's to another host."""

    def _as_other(self, shell: Shell, service: tuple[str, int] | None) -> None:
        rng, roll = self.rng, self.rng.random()
        way = next(name for name, share in WAYS if roll < share)
        name, uid = service or (ROOT, IS_ROOT)
        if way == "su" and rng.random() < MISTYPED:
            self._refused(shell, name)
        hop = self.hop(name, self._place(shell), shell.host.name, shell.host.name, way.partition(" ")[0])
        hop.source_ip, hop.switch = "", True
        asking = replace(shell, hop=hop)
        inside, leave = self._entered(asking, way, name, uid)
        self.wait(20, 200)
        if uid == IS_ROOT:
            if rng.random() < SERVICE_NEXT:
                self._by_root(inside, self._service(shell.host))
            there = self._reached(shell.host) if rng.random() < WENT_ON else None
            if there is not None:
                self.on_as_root(self._place(inside, there), there)
            self.wait(10, 90)
        leave()
        hop.end = self.now

    def _entered(self, shell: Shell, way: str, name: str, uid: int) -> tuple[Shell, Callable[[], None]]:
        """The shell that somebody gets, and how it is left again; records are the hop's of `shell`."""
        if way == "su":
            number = self._su(shell, name, uid)
            return replace(shell, name=name, uid=uid), lambda: self._left(shell, "su", number, "su-l", name)
        if way != "sudo su":
            service = "sudo-i" if way == "sudo -i" else "sudo"
            number = self._asked(shell, name, "/bin/bash", service, uid)
            inside = replace(self._by_sudo(shell), name=name, uid=uid)

            def ended() -> None:
                self._left(shell, "sudo", number, service, name)
                self._closed_terminal(inside, shell)

            return inside, ended
        command = "/usr/bin/su -" if name == ROOT else f"/usr/bin/su - {name}"
        first = self._asked(shell, ROOT, command)
        self.wait(0.01, 0.2)
        root = replace(self._by_sudo(shell), name=ROOT, uid=IS_ROOT)
        second = self._su(root, name, uid)

        def leave() -> None:
            self._left(root, "su", second, "su-l", name)
            self._left(shell, "sudo", first, "sudo", ROOT)
            self._closed_terminal(root, shell)

        return replace(root, name=name, uid=uid), leave

    def _by_root(self, shell: Shell, service: tuple[str, int]) -> None:
        """Who is root becomes a service's account, of which no password is asked."""
        name, uid = service
        hop = self.hop(name, self._place(shell), shell.host.name, shell.host.name, "su")
        hop.source_ip, hop.switch = "", True
        asking = replace(shell, hop=hop)
        number = self._su(asking, name, uid)
        self.wait(20, 150)
        self._left(asking, "su", number, "su-l", name)
        hop.end = self.now

    # lines

    def _asked(self, shell: Shell, whom: str, command: str, service: str = "sudo", uid: int = IS_ROOT) -> int:
        """The lines of sudo and PAM; the process's number."""
        number, home = self.number(), "/root" if shell.uid == IS_ROOT else f"/home/{shell.name}"
        asked = f"TTY=pts/{shell.terminal} ; PWD={home} ; USER={whom} ; COMMAND={command}"
        opened = f"session opened for user {whom}(uid={uid}) by {shell.login}(uid={shell.uid})"
        self._tell(shell, "sudo", number, f"{shell.name:>8} : {asked}")
        self._tell(shell, "sudo", number, f"pam_unix({service}:session): {opened}", after=800)
        return number

    def _su(self, shell: Shell, whom: str, uid: int) -> int:
        """The lines of su and PAM; the process's number."""
        number = self.number()
        asked = f"(to {whom}) {self._at_terminal(shell)}"
        opened = f"session opened for user {whom}(uid={uid}) by {shell.login}(uid={shell.uid})"
        self._tell(shell, "su", number, asked, after=900)
        self._tell(shell, "su", number, f"pam_unix(su-l:session): {opened}", after=1_400)
        return number

    def _refused(self, shell: Shell, whom: str) -> None:
        """A wrong password for su."""
        number, name, terminal = self.number(), shell.name, f"pts/{shell.terminal}"
        why = f"logname={shell.login} uid={shell.uid} euid=0 tty=/dev/{terminal} ruser={name} rhost=  user={whom}"
        self._tell(shell, "su", number, f"pam_unix(su-l:auth): authentication failure; {why}")
        self.wait(2, 3)
        self._tell(shell, "su", number, f"FAILED SU (to {whom}) {name} on {terminal}")
        self.wait(2, 8)

    def _left(self, shell: Shell, program: str, number: int, service: str, name: str) -> None:
        self._tell(shell, program, number, f"pam_unix({service}:session): session closed for user {name}")
        self.wait(0.01, 0.3)

    def _by_sudo(self, shell: Shell) -> Shell:
        """The same at a terminal that sudo makes for it, where it does."""
        if self.estate.red_hat(shell.host):
            return shell
        return replace(shell, terminal=self.terminal(shell.host), by_sudo=True)

    def terminal(self, host: Host) -> str:
        """A terminal for a new session: the lowest number that is free."""
        return self.teller.lease(terminals_of(host.name), self.now)

    def _closed_terminal(self, inside: Shell, outside: Shell) -> None:
        if inside.terminal != outside.terminal:
            self.teller.release(terminals_of(inside.host.name), inside.terminal, self.now)

    def _at_terminal(self, shell: Shell) -> str:
        return f"{ROOT if shell.by_sudo else shell.login} on pts/{shell.terminal}"

    def _tell(self, shell: Shell, program: str, number: int, text: str, after: int = 0) -> None:
        pid = f"[{2000 + number % 30_000}]" if self.estate.red_hat(shell.host) else ""
        self.unix(shell.host, shell.hop, f"{program}{pid}: {text}", after)

    # places

    def _place(self, shell: Shell, other: Host | None = None) -> Foothold:
        host = shell.host
        seen = host.seen if other is None else host.ip_at(other)
        return Foothold(host.name, host.ip, seen, host.name, shell.hop.number, host)

    def _service(self, host: Host) -> tuple[str, int]:
        return SERVICES[self.estate.base("unix service", host.name) % len(SERVICES)]

    def _reached(self, host: Host) -> Host | None:
        """Another Linux host that whoever is here looks after, if there is one."""
        theirs = [p.servers for p in self.estate.providers if p.spec.name == self.visit.provider]
        hosts = self.estate.hosts
        others = [i for i in (theirs[0] if theirs else self.estate.by_role["linux"]) if hosts[i].linux]
        others = [i for i in others if i != host.index]
        return hosts[self.rng.choice(others)] if others else None
