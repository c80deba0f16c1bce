"""Everyday life beside the visits: the customer's own people, services, machines and the internet's noise."""

from __future__ import annotations

import random
from datetime import time

from countersign.range.demo.clock import Act, to_datetime
from countersign.range.demo.estate import Account, Estate, Machine
from countersign.range.demo.logons import (
    Session,
    failed_logon,
    interactive_logon,
    logoff,
    logon_data,
    network_logon,
    special,
    subject_of,
    ticket,
)
from countersign.range.demo.programs import root_program, run
from countersign.range.demo.spec import EmployeeSpec, StaffSpec
from countersign.range.demo.writers.vpn import AsaLog, OpenVpnLog

DAY_SECONDS = 86_400
MACHINE_REFRESH = 90 * 60
"""Seconds between a computer's visits to the controller: group policy's default refresh."""
SITES = (
    ("www.nhs.example", "192.0.2.80"),
    ("mail.meridian.example", "10.20.1.30"),
    ("www.bbc.example", "192.0.2.81"),
    ("updates.vendor.example", "192.0.2.90"),
    ("calendar.office.example", "192.0.2.91"),
    ("news.journal.example", "192.0.2.112"),
)
PROGRAMS = (
    r'"C:\Program Files\Google\Chrome\Application\chrome.exe"',
    r'"C:\Program Files\Microsoft Office\root\Office16\OUTLOOK.EXE"',
    r'"C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE" /n',
    r'"C:\Program Files\Microsoft Office\root\Office16\EXCEL.EXE"',
    r"C:\Windows\System32\notepad.exe",
    r"C:\Program Files\Medisoft\EHR\ehrclient.exe",
)
AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/132.0.0.0 Safari/537.36"
OUTSIDE_ADDRESS = "192.0.2.1"


def plan_life(estate: Estate) -> None:
    """Puts staff, machines, services and background on the schedule."""
    staff = estate.spec.staff
    for gateway in estate.gateways.values():
        if isinstance(gateway.log, OpenVpnLog):
            gateway.log.started()
    for day in range(estate.spec.days):
        for person in (*staff.people, staff.administrator):
            rng = estate.rng(f"staff/{person.account}/{day}")
            begin = estate.at(day, time(7, 45), rng.uniform(0, 5400))
            estate.schedule.begin(begin, _workday(estate, rng, person, staff))
        begin = estate.at(day, time(0, 0), 1 + day % 7)
        estate.schedule.begin(begin, _internet(estate, estate.rng(f"internet/{day}")))
    for machine in estate.machines.values():
        rng = estate.rng(f"machine/{machine.name}")
        life = _linux(estate, rng, machine) if machine.log is None else _machine(estate, rng, machine)
        estate.schedule.spawn(life, rng.uniform(5, MACHINE_REFRESH))


def _last_moment(estate: Estate) -> int:
    start = estate.at(0, time(0))
    end = estate.at(estate.spec.days - 1, time(0), DAY_SECONDS)
    return int((end - start).total_seconds() * 1_000_000)


def _over(estate: Estate) -> bool:
    """Whether the range's last day is done."""
    first = estate.at(0, time(0)).timestamp() * 1_000_000
    return estate.schedule.now - first > _last_moment(estate) - MACHINE_REFRESH * 1_000_000


def _office_hours(estate: Estate) -> bool:
    local = to_datetime(estate.schedule.now).astimezone(estate.zone)
    return local.weekday() < 5 and 9 <= local.hour < 17


def _workday(estate: Estate, rng: random.Random, person: EmployeeSpec, staff: StaffSpec) -> Act[None]:
    """From the morning's logon to the evening's logoff at one's own workstation."""
    machine, account = estate.machines[person.workstation], estate.accounts[person.account]
    if rng.random() < 0.2:
        failed_logon(estate, machine, account, "127.0.0.1", 0)
        yield rng.uniform(4, 15)
    ticket(estate, account, machine.ip, machine.next_port())
    session = interactive_logon(estate, rng, machine, account, 2, "127.0.0.1")
    session.terminal = 1
    shell = root_program(estate, rng, session)
    doings = ["lookup"] * staff.lookups + ["page"] * staff.pages
    doings += ["share"] * staff.shares + ["program"] * staff.programs + ["unlock"] * 4
    rng.shuffle(doings)
    pause = 8 * 3600 / max(1, len(doings))
    for doing in doings:
        yield rng.uniform(0.1, 1.9) * pause
        if doing == "lookup":
            yield from _lookup(estate, rng, machine, rng.choice(SITES)[0])
        elif doing == "page":
            yield from _page(estate, rng, machine)
        elif doing == "share":
            yield from _open_share(estate, rng, machine, account)
        elif doing == "program":
            run(estate, rng, session, rng.choice(PROGRAMS), shell, elevated=False)
        else:
            yield from _unlock(estate, rng, machine, account)
    logoff(estate, rng, session, by_user=True)


def _unlock(estate: Estate, rng: random.Random, machine: Machine, account: Account) -> Act[None]:
    again = interactive_logon(estate, rng, machine, account, 7, "127.0.0.1")
    yield 0.4
    logoff(estate, rng, again)


def _lookup(estate: Estate, rng: random.Random, machine: Machine, name: str) -> Act[None]:
    flow = estate.zeek.begin(machine.ip, machine.next_port(), estate.controller.ip, 53, "dns", "udp")
    answer = dict(SITES).get(name, "10.20.1.10")
    values = ["udp", rng.randrange(65_536), "0.003112", name, 1, "C_INTERNET", 1, "A", 0, "NOERROR"]
    estate.zeek.entry("dns", flow, [*values, False, False, True, True, 0, answer, "300.000000", False])
    yield 0.01
    estate.zeek.end(flow, 30 + len(name), 46 + len(name))


def _page(estate: Estate, rng: random.Random, machine: Machine) -> Act[None]:
    name, address = rng.choice(SITES)
    secure = rng.random() < 0.8
    flow = estate.zeek.begin(
        machine.ip, machine.next_port(), address, 443 if secure else 80, "ssl" if secure else "http"
    )
    yield 0.1
    if secure:
        cipher = ["TLSv13", "TLS_AES_256_GCM_SHA384", "x25519", name, False, None, "h2", True, "CsiI"]
        estate.zeek.entry("ssl", flow, [*cipher, None, None, None])
    else:
        values = [1, "GET", name, f"/item/{rng.randrange(9000)}", None, "1.1", AGENT, None, 0]
        estate.zeek.entry(
            "http", flow, [*values, rng.randrange(400, 60_000), 200, "OK", None, None, (), *[None] * 9]
        )
    yield rng.uniform(0.2, 9)
    estate.zeek.end(flow, rng.randrange(400, 9000), rng.randrange(2000, 900_000))


def _open_share(estate: Estate, rng: random.Random, machine: Machine, account: Account) -> Act[None]:
    target = estate.machines[estate.spec.staff.shares_on]
    flow = estate.zeek.begin(machine.ip, machine.next_port(), target.ip, 445, "smb,gssapi,krb")
    session = network_logon(estate, rng, target, account, machine.ip, flow.source_port)
    fields = {
        **subject_of(estate, session),
        "ObjectType": "File",
        "IpAddress": machine.ip,
        "IpPort": str(flow.source_port),
        "ShareName": r"\\*\Shared",
        "ShareLocalPath": r"\??\D:\Shares\Shared",
        "AccessMask": "0x1",
        "AccessList": "%%4416\r\n\t\t\t\t",
    }
    target.windows.security(5140, fields)
    estate.zeek.entry("smb_mapping", flow, [rf"\\{target.fqdn}\Shared", None, "NTFS", "DISK"])
    yield rng.uniform(5, 300)
    logoff(estate, rng, session)
    estate.zeek.end(flow, rng.randrange(2000, 90_000), rng.randrange(2000, 4_000_000))


def _machine(estate: Estate, rng: random.Random, machine: Machine) -> Act[None]:
    """A Windows machine by itself: its service starts, and its own account at the controller."""
    account = estate.accounts[f"{machine.name.upper()}$"]
    while not _over(estate):
        system = Account("SYSTEM", "S-1-5-18", True)
        data = logon_data(
            estate,
            system,
            type_=5,
            logon=0x3E7,
            subject=machine,
            process=r"C:\Windows\System32\services.exe",
        )
        machine.windows.security(4624, data)
        special(estate, machine, system, 0x3E7)
        if machine is not estate.controller:
            yield rng.uniform(1, 60)
            yield from _refresh(estate, rng, machine, account)
        yield from _lookup(estate, rng, machine, "updates.vendor.example")
        yield MACHINE_REFRESH * rng.uniform(0.8, 1.2)


def _refresh(estate: Estate, rng: random.Random, machine: Machine, account: Account) -> Act[None]:
    controller = estate.controller
    flow = estate.zeek.begin(machine.ip, machine.next_port(), controller.ip, 445, "smb,gssapi,krb")
    session: Session = network_logon(estate, rng, controller, account, machine.ip, flow.source_port)
    special(estate, controller, account, session.logon)
    share = rf"\\{controller.fqdn}\SYSVOL"
    estate.zeek.entry("smb_mapping", flow, [share, None, "NTFS", "DISK"])
    yield rng.uniform(2, 20)
    logoff(estate, rng, session)
    estate.zeek.end(flow, rng.randrange(2000, 9000), rng.randrange(2000, 30_000))


def _linux(estate: Estate, rng: random.Random, machine: Machine) -> Act[None]:
    """Cron on the Linux host, and a slip of somebody's fingers now and then."""
    log = machine.syslog
    if log is None:
        raise RuntimeError(f"{machine.name} has no syslog")
    opened = "pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)"
    while not _over(estate):
        pid = machine.next_pid(rng)
        log.write("CRON", pid, opened)
        yield rng.uniform(0.2, 3)
        log.write("CRON", pid, "pam_unix(cron:session): session closed for user root")
        if _office_hours(estate) and rng.random() < 0.15:
            administrator = estate.spec.staff.administrator
            where = f"{estate.machines[administrator.workstation].ip} port {machine.next_port()}"
            person = administrator.account
            log.write("sshd", pid + 2, f"Failed password for {person} from {where} ssh2")
            log.write("sshd", pid + 2, f"Connection closed by authenticating user {person} {where} [preauth]")
        yield rng.uniform(800, 1000)


def _internet(estate: Estate, rng: random.Random) -> Act[None]:
    """A day of packets refused at the outside."""
    logs = [g.log for g in estate.gateways.values() if isinstance(g.log, AsaLog)]
    if not logs:
        return
    for _ in range(200):
        yield rng.uniform(0, 2) * DAY_SECONDS / 205
        origin = f"198.51.100.{rng.randrange(1, 60)}"
        port = rng.choice((22, 23, 80, 445, 3389, 5900, 8080))
        logs[0].denied(origin, rng.randrange(1024, 65_536), OUTSIDE_ADDRESS, port)
