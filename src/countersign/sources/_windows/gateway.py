"""RD Gateway: who came through it, to which machine behind it, how long and how much. Part of the table of Windows events.

200 and 201 are the logon at the gateway, 302 and 303 a connection to one machine behind it and its end; one logon may make
several. `AuthType` names the method; an NPS extension that asked a telephone is not named.

References: https://learn.microsoft.com/en-us/previous-versions/windows/it-pro/windows-server-2008-R2-and-2008/ee891388(v=ws.10) (RD
Gateway Server Connections, 200 to 208 and 300 to 313); fields of `EventInfo` as the provider's manifest has them.
"""

from __future__ import annotations

from countersign.sources._windows import values
from countersign.sources._windows.plan import Plan
from countersign.sources._windows.values import Scalar


def _milliseconds(value: Scalar) -> int | None:
    seconds = values.whole(value)
    return None if seconds is None or not 0 <= seconds < 1 << 40 else seconds * 1000


def _volume(value: Scalar) -> int | None:
    number = values.whole(value)
    return None if number is None or not 0 <= number < 1 << 63 else number


def _machine(value: Scalar) -> str | None:
    """The name of the machine behind; None where its address stands."""
    return None if values.address(value) is not None else values.host(value)


_WHO = Plan(
    columns={
        "src_endpoint.ip": "IpAddress",
        "auth_protocol": "AuthType",
        "status_code": "ErrorCode",
        "tunnel_type": "ConnectionProtocol",
    },
    accounts={"user": ("Username", "")},
    special={
        "dst_endpoint.hostname": ("Resource", _machine),
        "dst_endpoint.ip": ("Resource", values.address),
    },
)
_END = Plan(
    special={
        "traffic.bytes_in": ("BytesReceived", _volume),
        "traffic.bytes_out": ("BytesTransfered", _volume),
        "duration": ("SessionDuration", _milliseconds),
    },
)
RD_GATEWAY: dict[int, Plan] = {
    200: Plan(3002, 1, 1) | _WHO,
    201: Plan(3002, 1, 2) | _WHO,
    202: Plan(4005, 7, 1) | _END | _WHO,  # by an administrator
    203: Plan(3002, 1, 2) | _WHO,  # no place left
    204: Plan(3002, 1, 2) | _WHO,  # health policy
    205: Plan(4005, 99, 1) | _WHO,  # the same connection by UDP
    206: Plan(4005, 99, 2) | _WHO,
    300: Plan(4005, 99, 1) | _WHO,  # may connect to that machine
    301: Plan(4005, 99, 2) | _WHO,
    302: Plan(4005, 4, 1) | _WHO,
    303: Plan(4005, 7, 1) | _END | _WHO,
    304: Plan(4005, 4, 2) | _WHO,
}
"""By event number; activities of 4005: 4 connected, 7 disconnected."""
