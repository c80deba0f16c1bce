"""Logons to Linux hosts."""

from __future__ import annotations

from collections.abc import Sequence

from countersign.range.draws import guid
from countersign.range.estate import Account, Host
from countersign.range.plan.becoming import IS_ROOT, ROOT, Becoming, Shell
from countersign.range.plan.commands import EXPLORER, LINUX, ON_RED_HAT, S32
from countersign.range.plan.leases import terminals_of
from countersign.range.plan.places import WORK, Cause, Foothold
from countersign.range.streams.zeek import ssh_of
from countersign.range.truth import TrueHop

CLIENT = rf"{S32}\OpenSSH\ssh.exe"
FROM_WINDOWS, FROM_LINUX = b"SSH-2.0-OpenSSH_for_Windows_8.1", b"SSH-2.0-OpenSSH_9.2p1"


class Shells(Becoming):
    """What happens over SSH."""

    def ssh(
        self,
        source: Foothold,
        host: Host,
        account: Account,
        commands: Sequence[str] = (),
        cause: Cause = WORK,
        *,
        unattended: bool = False,
    ) -> TrueHop:
        """A key logon to a Linux host, commands as root by sudo, and now and then a shell as another account."""
        uid = int(account.sid.rsplit("-", 1)[1]) + 120_000
        shell, flow = self._logged_in(source, host, account.name, uid, cause)
        typed = commands or self.rng.sample(LINUX, self.rng.randrange(1, 5))
        if self.estate.red_hat(host):
            typed = [ON_RED_HAT.get(command, command) for command in typed]
        before = self.rng.randrange(len(typed))
        for place, command in enumerate(typed):
            if place == before and not unattended:
                self.changes(shell)
            self.wait(20, 140)
            self.sudo(shell, command, cause)
        self.wait(10, 90)
        self._logged_out(source, shell, flow)
        return shell.hop

    def on_as_root(self, source: Foothold, host: Host) -> None:
        """From a shell of root's to another host, by root's own key, to see something there."""
        shell, flow = self._logged_in(source, host, ROOT, IS_ROOT, WORK)
        self.wait(20, 200)
        self._logged_out(source, shell, flow)

    def _logged_in(
        self, source: Foothold, host: Host, name: str, uid: int, cause: Cause
    ) -> tuple[Shell, tuple[int, int, int]]:
        hop = self.hop(name, source, source.name, host.name, "ssh")
        hop.switch = cause.switch
        self.came_by(hop, cause)
        number = 0
        if source.host is not None and source.account is not None and source.session is not None:
            number = self.process(
                source.host, source.account, source.session, f"{CLIENT} {name}@{host.name}", (EXPLORER, source.shell), hop
            )  # fmt: skip
            self.wait(0.3)
        flow = self.flow(source, host, 22, hop, (CLIENT, number))
        self.wait(0.8)
        shell = Shell(host, name, uid, name, hop, self.terminal(host), 2000 + self.number() % 30_000)
        self._opened(shell, self._told_from(source, flow))
        linux = source.host is not None and source.host.linux
        ended = ssh_of(self.estate, host, FROM_LINUX if linux else FROM_WINDOWS)
        self.also("ssh", source, host, 22, hop, flow, ended)
        return shell, flow

    def _logged_out(self, source: Foothold, shell: Shell, flow: tuple[int, int, int]) -> None:
        self._closed(shell, self._told_from(source, flow))
        sums = self.rng.randrange(3000, 20_000), self.rng.randrange(5000, 200_000)
        self.close_flow(source, shell.host, 22, shell.hop, flow, b"ssh", *sums)
        self.teller.release(terminals_of(shell.host.name), shell.terminal, self.now)
        shell.hop.end = self.now

    @staticmethod
    def _told_from(source: Foothold, flow: tuple[int, int, int]) -> str:
        return f"{source.seen} port {flow[1]}"

    def _opened(self, shell: Shell, where: str) -> None:
        host, hop, name = shell.host, shell.hop, shell.name
        key = guid(self.estate.base("key", name)).decode().replace("-", "")
        accepted = f"Accepted publickey for {name} from {where} ssh2: ED25519 SHA256:{key}qwertyuiopa"
        opened = f"pam_unix(sshd:session): session opened for user {name}(uid={shell.uid}) by (uid=0)"
        self.unix(host, hop, f"sshd[{shell.served}]: {accepted}")
        self.unix(host, hop, f"sshd[{shell.served}]: {opened}", after=900)
        self.unix(host, hop, f"systemd-logind[612]: New session {shell.session} of user {name}.", after=1500)

    def _closed(self, shell: Shell, where: str) -> None:
        host, hop, name = shell.host, shell.hop, shell.name
        child = f"sshd[{shell.served + 6}]:"
        self.unix(host, hop, f"{child} Received disconnect from {where}:11: disconnected by user")
        self.unix(host, hop, f"{child} Disconnected from user {name} {where}", after=200)
        closed = f"pam_unix(sshd:session): session closed for user {name}"
        self.unix(host, hop, f"sshd[{shell.served}]: {closed}", after=400)
        if self.rng.random() >= self.estate.spec.dirt.logoffs:
            self.unix(host, hop, f"systemd-logind[612]: Removed session {shell.session}.", after=900)
