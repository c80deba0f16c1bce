"""Products that stand between a provider and a host: Teleport, ScreenConnect, NinjaOne, and NPS before a VPN gateway.

References: https://goteleport.com/docs/reference/audit-events/; https://docs.connectwise.com/ScreenConnect_Documentation (Report
manager); https://app.ninjarmm.com/apidocs/ (Activities), whose status codes are believed; NPS' DTS-compliant log files,
https://learn.microsoft.com/en-us/windows-server/networking/technologies/nps/nps-accounting-configure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import orjson

from countersign.range.draws import mix
from countersign.range.estate import uuid_of
from countersign.range.writers import times


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is at the other end: the name that the product knows them by, address and port."""

    user: str
    origin: str
    port: int
    through: str = ""
    """The bastion, where it is not the usual one."""


def teleport_login(moment: int, number: int, cluster: str, caller: Caller, *, mfa: bool) -> bytes:
    """`user.login` of a local account."""
    factor = {"mfa_device_name": "phone", "mfa_device_uuid": uuid_of(mix(number)), "mfa_device_type": "TOTP"}
    more: dict[str, object] = {
        "success": True, "method": "local", "user_agent": "Mozilla/5.0", "addr.remote": f"{caller.origin}:{caller.port}",
    }  # fmt: skip
    if mfa:
        more["mfa_device"] = factor
    return _teleport(moment, number, "user.login", "T1000I", cluster, caller, more)


def teleport_session(
    moment: int, number: int, cluster: str, caller: Caller, *, session: int, host: str, address: str, login: str, linux: bool,
    begun: int | None = None,
) -> bytes:  # fmt: skip
    """The start of a session with a host, or its end where `begun` says when it started."""
    more: dict[str, object] = {
        "sid": uuid_of(session), "addr.remote": f"{caller.origin}:{caller.port}", "success": True,
    }  # fmt: skip
    if linux:
        more |= {"proto": "ssh", "login": login, "server_hostname": host, "server_addr": f"{address}:3022"}
        name, codes = "session", ("T2000I", "T2004I")
    else:
        domain, _, account = login.rpartition("\\")
        more |= {
            "proto": "tdp", "windows_user": account, "windows_domain": domain, "desktop_name": host,
            "desktop_addr": f"{address}:3389", "windows_desktop_service": f"wds.{cluster}",
        }  # fmt: skip
        name, codes = "windows.desktop.session", ("TDP00I", "TDP01I")
    if begun is None:
        return _teleport(moment, number, f"{name}.start", codes[0], cluster, caller, more)
    more |= {"session_start": _milli(begun), "session_stop": _milli(moment), "participants": [caller.user]}
    return _teleport(moment, number, f"{name}.end", codes[1], cluster, caller, more)


def _teleport(
    moment: int, number: int, event: str, code: str, cluster: str, caller: Caller, more: Mapping[str, object]
) -> bytes:
    return orjson.dumps(
        {
            "ei": 0, "event": event, "uid": uuid_of(number), "code": code, "time": _milli(moment), "cluster_name": cluster,
            "user": caller.user, **more,
        }
    )  # fmt: skip


def _milli(moment: int) -> str:
    return times.milli(moment).decode()


def screenconnect_event(
    moment: int, session: int, connection: int, host: str, caller: Caller, kind: str, data: str = ""
) -> bytes:
    """A row of a report on `SessionConnectionEvent`: Connected, Disconnected, RanCommand, SentFiles."""
    return orjson.dumps(
        {
            "SessionSessionID": uuid_of(session), "SessionName": host, "SessionSessionType": "Access", "EventType": kind,
            "Time": _milli(moment), "ConnectionID": uuid_of(connection), "ConnectionParticipantName": caller.user,
            "ConnectionNetworkAddress": caller.origin, "Data": data,
        }
    )  # fmt: skip


def screenconnect_connection(
    begun: int, ended: int, session: int, connection: int, host: str, caller: Caller
) -> bytes:
    """A row of a report on `SessionConnection`, written when the connection is over."""
    return orjson.dumps(
        {
            "SessionSessionID": uuid_of(session), "SessionName": host, "SessionSessionType": "Access",
            "ConnectionID": uuid_of(connection), "ParticipantName": caller.user, "NetworkAddress": caller.origin,
            "ProcessType": "Host", "ClientType": "WindowsClient", "ClientVersion": "24.1.9.8892",
            "ConnectedTime": _milli(begun), "DisconnectedTime": _milli(ended),
            "DurationSeconds": str((ended - begun) // 1_000_000),
        }
    )  # fmt: skip


def ninjaone_activity(
    moment: int, number: int, series: int, device: tuple[int, str], caller: Caller, code: str, message: str
) -> bytes:
    """One activity; `code` as `NINJA_REMOTE_SESSION_STARTED`."""
    return orjson.dumps(
        {
            "id": number % 10**12, "activityTime": moment / 1_000_000, "deviceId": device[0], "deviceName": device[1],
            "severity": "NONE", "priority": "NONE", "seriesUid": uuid_of(series), "activityType": "NINJA_REMOTE",
            "statusCode": code, "status": code.replace("_", " ").title(), "activityResult": "SUCCESS",
            "userId": mix(hash_user(caller.user)) % 900, "user": caller.user, "message": message, "type": "Remote",
            "data": {"message": {"params": {"ipAddress": caller.origin}}},
        }
    )  # fmt: skip


def hash_user(name: str) -> int:
    """A number that belongs to a name."""
    return int.from_bytes(name.encode()[-8:], "big")


REQUEST, ACCEPT, REJECT = 1, 2, 3
"""RFC 2865, section 3."""
BAD_PASSWORD = 16


def nps(moment: int, zone: ZoneInfo, server: str, gateway: str, user: str, origin: str, packet: int) -> bytes:
    """A line of NPS: what a gateway asked about a user, and what it was answered."""
    day, clock = times.local(moment, zone).decode().split(" ")
    stamp = f"{day[5:7]}/{day[8:10]}/{day[:4]} {clock}.{moment // 1000 % 1000:03d}"
    asked = packet == REQUEST
    fields = [
        ("Timestamp", 4, stamp), ("Computer-Name", 1, server), ("Event-Source", 1, "IAS"),
        *([("User-Name", 1, user), ("Calling-Station-Id", 1, origin)] if asked else []),
        ("NAS-Identifier", 1, gateway), ("Client-Friendly-Name", 1, gateway), ("SAM-Account-Name", 1, user),
        ("Fully-Qualifed-User-Name", 1, user), ("NP-Policy-Name", 1, "Providers VPN"), ("Authentication-Type", 0, "4"),
        ("Class", 1, f"311 1 {server} {stamp[:19]} {moment // 1000 % 10**6}"), ("Packet-Type", 0, str(packet)),
        ("Reason-Code", 0, str(BAD_PASSWORD if packet == REJECT else 0)),
    ]  # fmt: skip
    inner = "".join(f'<{name} data_type="{kind}">{value}</{name}>' for name, kind, value in fields)
    return f"<Event>{inner}</Event>".encode()
