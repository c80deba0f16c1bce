"""Shares mapped from another machine: the logon, the share, the files, and the connection between."""

from __future__ import annotations

import random
from dataclasses import dataclass

from countersign.range.demo.clock import Act
from countersign.range.demo.estate import Estate
from countersign.range.demo.files import Place
from countersign.range.demo.going import Going
from countersign.range.demo.logons import Session, explicit, logoff, network_logon, subject_of
from countersign.range.demo.programs import Program, connects, run
from countersign.range.demo.truth import TrueHop
from countersign.range.demo.writers.zeek import Flow


@dataclass(slots=True)
class Mapping:
    """A share in use from somewhere."""

    session: Session
    flow: Flow
    hop: TrueHop
    share: str
    address: str


def map_share(
    going: Going,
    share: str,
    command: str | None,
) -> Act[Mapping]:
    """A share mapped: logon type 3 with the source port that the sensor sees, then 5140.

    Where the account is not the session's own, its credentials were given: 4648 on the source host.
    """
    estate, rng, start, target, account = going.estate, going.rng, going.start, going.target, going.account
    visit = going.visit
    hop = estate.truth.hop(visit, account.name, start.name, target.name, "smb")
    program: Program | None = None
    if start.session is not None and start.program is not None and command is not None:
        program, places = run(estate, rng, start.session, command, start.program)
        hop.note(*places)
        yield 0.3
    flow = estate.zeek.begin(start.ip, start.next_port(), target.ip, 445, "smb,gssapi,ntlm")
    switched = start.session is not None and start.session.account.name != account.name
    if start.session is not None and switched:
        hop.note(
            explicit(
                estate, start.session.machine, start.session, account, target.fqdn, f"cifs/{target.fqdn}", ""
            )
        )
    if start.session is not None and program is not None:
        hop.note(connects(estate, start.session, program, flow))
    yield 0.05
    session = network_logon(
        estate,
        rng,
        target,
        account,
        start.ip,
        flow.source_port,
        package="NTLM" if switched else "Kerberos",
        workstation=start.client if switched else "-",
    )
    hop.note(*session.places)
    hop.note(
        estate.zeek.entry(
            "smb_mapping",
            flow,
            [f"\\\\{target.fqdn}\\{share}", None, "NTFS", "DISK"],
        )
    )
    mapping = Mapping(session, flow, hop, share, start.ip)
    hop.note(
        target.windows.security(
            5140, {**_share_fields(estate, mapping), "AccessMask": "0x1", "AccessList": "%%4416\r\n\t\t\t\t"}
        )
    )
    return mapping


def touch(estate: Estate, mapping: Mapping, path: str, *, write: bool = False) -> Place:
    """5145: a file or folder below the share was opened, to read or to write."""
    place = mapping.session.machine.windows.security(
        5145,
        {
            **_share_fields(estate, mapping),
            "RelativeTargetName": path,
            "AccessMask": "0x12019f" if write else "0x120089",
            "AccessList": "%%4417\r\n\t\t\t\t" if write else "%%4416\r\n\t\t\t\t%%4423\r\n\t\t\t\t",
            "AccessReason": "-",
        },
    )
    mapping.hop.note(place)
    return place


def _share_fields(estate: Estate, mapping: Mapping) -> dict[str, object]:
    local = r"\??\C:" + "\\" if mapping.share == "C$" else f"\\??\\D:\\Shares\\{mapping.share}"
    return {
        **subject_of(estate, mapping.session),
        "ObjectType": "File",
        "IpAddress": mapping.address,
        "IpPort": str(mapping.flow.source_port),
        "ShareName": f"\\\\*\\{mapping.share}",
        "ShareLocalPath": local,
    }


def unmap(estate: Estate, rng: random.Random, mapping: Mapping, sent: int, received: int) -> None:
    """The share is let go."""
    mapping.hop.note(*logoff(estate, rng, mapping.session))
    mapping.hop.note(estate.zeek.end(mapping.flow, sent, received))
    mapping.hop.end = estate.schedule.now
