"""Logons to Linux hosts."""

from __future__ import annotations

from collections.abc import Sequence

from countersign.range.draws import guid
from countersign.range.estate import Account, Host
from countersign.range.plan.commands import EXPLORER, LINUX, S32
from countersign.range.plan.places import WORK, Cause, Foothold
from countersign.range.plan.traces import Traces
from countersign.range.streams.zeek import SSH, host_key
from countersign.range.truth import TrueHop


class Shells(Traces):
    """What happens over SSH."""

    def ssh(
        self,
        source: Foothold,
        host: Host,
        account: Account,
        commands: Sequence[str] = (),
        cause: Cause = WORK,
    ) -> TrueHop:
        """A key logon to a Linux host and commands as root by sudo."""
        hop = self.hop(account.name, source, source.name, host.name, "ssh")
        hop.switch = cause.switch
        self.came_by(hop, cause)
        client, number = rf"{S32}\OpenSSH\ssh.exe", 0
        if source.host is not None and source.account is not None and source.session is not None:
            number = self.process(
                source.host,
                source.account,
                source.session,
                f"{client} {account.name}@{host.name}",
                (EXPLORER, source.shell),
                hop,
            )
            self.wait(0.3)
        flow = self.flow(source, host, 22, hop, (client, number))
        self.wait(0.8)
        pid, number = 2000 + self.number() % 30_000, 100 + self.number() % 9000
        uid = int(account.sid.rsplit("-", 1)[1]) + 120_000
        where = f"{source.seen} port {flow[1]}"
        self._opened(host, account, hop, (pid, number, uid), where)
        ended = SSH % (b"SSH-2.0-OpenSSH_for_Windows_8.1", host_key(host.name))
        self.also("ssh", source, host, 22, hop, flow, ended)
        for command in commands or self.rng.sample(LINUX, self.rng.randrange(1, 5)):
            self.wait(20, 140)
            self._sudo(host, account, hop, uid, command, cause)
        self.wait(10, 90)
        self._closed(host, account, hop, (pid, number), where)
        sums = self.rng.randrange(3000, 20_000), self.rng.randrange(5000, 200_000)
        self.close_flow(source, host, 22, hop, flow, b"ssh", *sums)
        hop.end = self.now
        return hop

    def _opened(
        self, host: Host, account: Account, hop: TrueHop, ids: tuple[int, int, int], where: str
    ) -> None:
        pid, number, uid = ids
        name, key = account.name, guid(self.estate.base("key", account.name)).decode().replace("-", "")
        accepted = f"Accepted publickey for {name} from {where} ssh2: ED25519 SHA256:{key}qwertyuiopa"
        opened = f"pam_unix(sshd:session): session opened for user {name}(uid={uid}) by (uid=0)"
        self.unix(host, hop, f"sshd[{pid}]: {accepted}")
        self.unix(host, hop, f"sshd[{pid}]: {opened}", after=900)
        self.unix(host, hop, f"systemd-logind[612]: New session {number} of user {name}.", after=1500)

    def _sudo(self, host: Host, account: Account, hop: TrueHop, uid: int, command: str, cause: Cause) -> None:
        name, session = account.name, "sudo: pam_unix(sudo:session): session"
        self.deed(hop, host.name, "process", f"sudo {command}", cause)
        asked = f"TTY=pts/0 ; PWD=/home/{name} ; USER=root ; COMMAND={command}"
        self.unix(host, hop, f"sudo: {name:>8} : {asked}")
        self.unix(host, hop, f"{session} opened for user root(uid=0) by {name}(uid={uid})", after=800)
        self.wait(1, 3)
        self.unix(host, hop, f"{session} closed for user root")
        self.done()

    def _closed(self, host: Host, account: Account, hop: TrueHop, ids: tuple[int, int], where: str) -> None:
        (pid, number), name = ids, account.name
        child = f"sshd[{pid + 6}]:"
        self.unix(host, hop, f"{child} Received disconnect from {where}:11: disconnected by user")
        self.unix(host, hop, f"{child} Disconnected from user {name} {where}", after=200)
        closed = f"pam_unix(sshd:session): session closed for user {name}"
        self.unix(host, hop, f"sshd[{pid}]: {closed}", after=400)
        if self.rng.random() >= self.estate.spec.dirt.logoffs:
            self.unix(host, hop, f"systemd-logind[612]: Removed session {number}.", after=900)
