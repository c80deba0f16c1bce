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
        client = rf"{S32}\OpenSSH\ssh.exe"
        if source.host is not None and source.account is not None and source.session is not None:
            self.process(
                source.host,
                source.account,
                source.session,
                f"{client} {account.name}@{host.name}",
                (EXPLORER, source.shell),
                hop,
            )
        flow = self.flow(source, host, 22, hop, client)
        self.wait(0.8)
        pid, number, uid = (
            2000 + self.number() % 30_000,
            100 + self.number() % 9000,
            int(account.sid.rsplit("-", 1)[1]) + 120_000,
        )
        where, key = (
            f"{source.seen} port {flow[1]}",
            guid(self.estate.base("key", account.name)).decode().replace("-", "") + "qwertyuiopa",
        )
        self.unix(
            host,
            hop,
            f"sshd[{pid}]: Accepted publickey for {account.name} from {where} ssh2: ED25519 SHA256:{key}",
        )
        self.unix(
            host,
            hop,
            f"sshd[{pid}]: pam_unix(sshd:session): session opened for user {account.name}(uid={uid}) by (uid=0)",
            after=900,
        )
        self.unix(host, hop, f"systemd-logind[612]: New session {number} of user {account.name}.", after=1500)
        self.also(
            "ssh",
            source,
            host,
            22,
            hop,
            flow,
            SSH % (b"SSH-2.0-OpenSSH_for_Windows_8.1", host_key(host.name)),
        )
        for command in commands or self.rng.sample(LINUX, self.rng.randrange(1, 5)):
            self.wait(20, 140)
            self.deed(hop, host.name, "process", f"sudo {command}", cause)
            self.unix(
                host,
                hop,
                f"sudo: {account.name:>8} : TTY=pts/0 ; PWD=/home/{account.name} ; USER=root ; COMMAND={command}",
            )
            self.unix(
                host,
                hop,
                f"sudo: pam_unix(sudo:session): session opened for user root(uid=0) by {account.name}(uid={uid})",
                after=800,
            )
            self.wait(1, 3)
            self.unix(host, hop, "sudo: pam_unix(sudo:session): session closed for user root")
            self.done()
        self.wait(10, 90)
        self.unix(host, hop, f"sshd[{pid + 6}]: Received disconnect from {where}:11: disconnected by user")
        self.unix(host, hop, f"sshd[{pid + 6}]: Disconnected from user {account.name} {where}", after=200)
        self.unix(
            host,
            hop,
            f"sshd[{pid}]: pam_unix(sshd:session): session closed for user {account.name}",
            after=400,
        )
        if self.rng.random() >= self.estate.spec.dirt.logoffs:
            self.unix(host, hop, f"systemd-logind[612]: Removed session {number}.", after=900)
        self.close_flow(
            source,
            host,
            22,
            hop,
            flow,
            b"ssh",
            self.rng.randrange(3000, 20_000),
            self.rng.randrange(5000, 200_000),
        )
        hop.end = self.now
        return hop
