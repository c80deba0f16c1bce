"""Commands on other hosts: PowerShell remoting, WMI, ssh with sudo."""

from __future__ import annotations

import base64
import hashlib
import random
from dataclasses import dataclass

from countersign.range.demo.clock import Act
from countersign.range.demo.estate import Account, Estate, Machine
from countersign.range.demo.files import Place
from countersign.range.demo.going import Going
from countersign.range.demo.logons import Session, explicit, logoff, network_logon, new_guid
from countersign.range.demo.programs import Program, connects, root_program, run
from countersign.range.demo.truth import TrueHop

POWERSHELL = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe"
SSH = r"C:\Windows\System32\OpenSSH\ssh.exe"


@dataclass(frozen=True, slots=True)
class Remote:
    """A process begun on another host, and the records that show it."""

    session: Session
    hop: TrueHop
    program: Program
    places: list[Place]


def winrm(
    going: Going,
    commands: tuple[str, ...],
) -> Act[None]:
    """PowerShell remoting: a type 3 logon, wsmprovhost, commands below it."""
    estate, rng, start, target, account = going.estate, going.rng, going.start, going.target, going.account
    visit = going.visit
    hop = estate.truth.hop(visit, account.name, start.name, target.name, "winrm")
    if start.session is None or start.program is None:
        raise RuntimeError("remoting is simulated from our own machines only")
    command = f"{POWERSHELL} -NoProfile Enter-PSSession -ComputerName {target.name}"
    program, places = run(estate, rng, start.session, command, start.program)
    hop.note(*places)
    yield 1.5
    flow = estate.zeek.begin(start.ip, start.next_port(), target.ip, 5985, "http")
    hop.note(connects(estate, start.session, program, flow))
    session = network_logon(estate, rng, target, account, start.ip, flow.source_port)
    hop.note(*session.places)
    hop.note(estate.zeek.entry("http", flow, _wsman(target)))
    yield 0.4
    host = r"C:\Windows\System32\wsmprovhost.exe"
    service = root_program(estate, rng, session, r"C:\Windows\System32\svchost.exe")
    shell, places = run(estate, rng, session, f"{host} -Embedding", service)
    hop.note(*places)
    for command in commands:
        yield rng.uniform(20, 120)
        _, places = run(estate, rng, session, command, shell)
        hop.note(*places)
        estate.truth.step(visit, target.name, command, None, *places)
    yield rng.uniform(10, 60)
    hop.note(*logoff(estate, rng, session))
    hop.note(estate.zeek.end(flow, rng.randrange(4000, 20_000), rng.randrange(8000, 90_000)))
    hop.end = estate.schedule.now


def _wsman(target: Machine) -> list[object]:
    return [
        1,
        "POST",
        f"{target.name}:5985",
        "/wsman?PSVersion=5.1.17763.1",
        None,
        "1.1",
        "Microsoft WinRM Client",
        None,
        0,
        0,
        200,
        None,
        None,
        None,
        (),
        *[None] * 9,
    ]


def wmi(
    going: Going,
    command: str,
) -> Act[Remote]:
    """A process made on another host by WMI with given credentials; `finish` ends its logon."""
    estate, rng, start, target, account = going.estate, going.rng, going.start, going.target, going.account
    visit = going.visit
    hop = estate.truth.hop(visit, account.name, start.name, target.name, "wmi")
    if start.session is None or start.program is None:
        raise RuntimeError("WMI is simulated from our own machines only")
    wmic = rf"C:\Windows\System32\wbem\WMIC.exe /node:{target.name} /user:{account.name} process call create"
    program, places = run(estate, rng, start.session, f'{wmic} "{command}"', start.program)
    hop.note(*places)
    yield 0.4
    flow = estate.zeek.begin(start.ip, start.next_port(), target.ip, 49_667, "gssapi,dce_rpc")
    hop.note(connects(estate, start.session, program, flow))
    guid = new_guid(rng)
    hop.note(
        explicit(
            estate,
            start.session.machine,
            start.session,
            account,
            target.fqdn,
            f"RPCSS/{target.fqdn}",
            r"C:\Windows\System32\wbem\WMIC.exe",
            guid=guid,
        )
    )
    session = network_logon(
        estate, rng, target, account, start.ip, flow.source_port, workstation=start.client, guid=guid
    )
    hop.note(*session.places)
    for operation in ("NTLMLogin", "ExecMethod"):
        interface = "IWbemLevel1Login" if operation == "NTLMLogin" else "IWbemServices"
        hop.note(estate.zeek.entry("dce_rpc", flow, ["0.000612", "49667", interface, operation]))
    yield 0.3
    service = root_program(estate, rng, session, r"C:\Windows\System32\wbem\WmiPrvSE.exe")
    made, found = run(estate, rng, session, command, service, through_wmi=True)
    hop.note(*found)
    yield 1.0
    hop.note(estate.zeek.end(flow, 6120, 4410))
    return Remote(session, hop, made, found)


def finish(estate: Estate, rng: random.Random, remote: Remote) -> None:
    """The remote process is done and its logon ends."""
    remote.hop.note(*logoff(estate, rng, remote.session))
    remote.hop.end = estate.schedule.now


def ssh(
    going: Going,
    commands: tuple[str, ...],
) -> Act[None]:
    """A key logon to a Linux host and commands as root by sudo."""
    estate, rng, start, target, account = going.estate, going.rng, going.start, going.target, going.account
    visit = going.visit
    hop = estate.truth.hop(visit, account.name, start.name, target.name, "ssh")
    log = target.syslog
    if log is None:
        raise RuntimeError(f"{target.name} has no sshd in this range")
    flow = estate.zeek.begin(start.ip, start.next_port(), target.ip, 22, "ssh")
    if start.session is not None and start.program is not None:
        program, places = run(
            estate, rng, start.session, f"{SSH} {account.name}@{target.name}", start.program
        )
        hop.note(*places, connects(estate, start.session, program, flow))
    yield 0.8
    pid, number, uid = target.next_pid(rng), estate.next_session(target.name), estate.uid(account.name)
    where = f"{start.ip} port {flow.source_port}"
    key = f"ED25519 SHA256:{_fingerprint(account)}"
    opened = f"session opened for user {account.name}(uid={uid}) by (uid=0)"
    hop.note(
        log.write("sshd", pid, f"Accepted publickey for {account.name} from {where} ssh2: {key}"),
        log.write("sshd", pid, f"pam_unix(sshd:session): {opened}"),
        log.write("systemd-logind", 612, f"New session {number} of user {account.name}."),
    )
    client, server = "SSH-2.0-OpenSSH_for_Windows_8.1", "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3"
    ciphers = ["chacha20-poly1305@openssh.com", "umac-64-etm@openssh.com", "none", "curve25519-sha256"]
    hop.note(
        estate.zeek.entry(
            "ssh", flow, [2, True, 1, None, client, server, *ciphers, "ssh-ed25519", "7a:1c:90:5f:12:e8"]
        )
    )
    for command in commands:
        yield rng.uniform(30, 200)
        places = _sudo(target, account, command, uid)
        hop.note(*places)
        estate.truth.step(visit, target.name, f"sudo {command}", None, *places)
        yield 2
        hop.note(log.write("sudo", None, "pam_unix(sudo:session): session closed for user root"))
    yield rng.uniform(20, 90)
    hop.note(
        log.write("sshd", pid + 6, f"Received disconnect from {where}:11: disconnected by user"),
        log.write("sshd", pid + 6, f"Disconnected from user {account.name} {where}"),
        log.write("sshd", pid, f"pam_unix(sshd:session): session closed for user {account.name}"),
        log.write("systemd-logind", 612, f"Removed session {number}."),
        estate.zeek.end(flow, rng.randrange(3000, 20_000), rng.randrange(5000, 200_000)),
    )
    hop.end = estate.schedule.now


def _fingerprint(account: Account) -> str:
    """The fingerprint of an account's key, as `ssh-keygen -lf` prints it."""
    return base64.b64encode(hashlib.sha256(account.sid.encode()).digest()).decode().rstrip("=")


def _sudo(target: Machine, account: Account, command: str, uid: int) -> list[Place]:
    log = target.syslog
    if log is None:
        raise RuntimeError(f"{target.name} has no sudo in this range")
    name = account.name
    return [
        log.write(
            "sudo",
            None,
            f"{name:>8} : TTY=pts/0 ; PWD=/home/{name} ; USER=root ; COMMAND={command}",
        ),
        log.write(
            "sudo",
            None,
            f"pam_unix(sudo:session): session opened for user root(uid=0) by {name}(uid={uid})",
        ),
    ]
