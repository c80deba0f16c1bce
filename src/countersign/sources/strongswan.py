r"""strongSwan's charon (Linux, pfSense, OPNsense, UTM appliances): IPsec tunnels of people and of sites.

For an auditor `assigning virtual IP` joins a person to an inner address, and `closing`, `deleting IKE_SA` ends it. A tunnel is
named by connection and number, `ipsec:roadwarrior[7]`, which stands before or in its messages; charon counts anew after each
start. `IKE_SA ... established` is no person's logon by itself: of site tunnels nobody logs on. EAP says of a second factor nothing.

References: strongSwan src/libcharon/sa (ike_sa.c, ikev1, ikev2 tasks), src/libcharon/plugins/eap_*, xauth_*; docs.strongswan.org,
Logger Configuration.
"""

from __future__ import annotations

import re

from countersign.sources._address import account, address, endpoint
from countersign.sources._programs import Understood

_Columns = dict[str, object]
_Found = tuple[_Columns, _Columns] | None

_THREAD = re.compile(r"(?:\d{1,3}\[([A-Z0-9]{3})\] )?(?:<([^<>|]{1,128})\|(\d{1,9})> |<(\d{1,9})> )?")
_ESTABLISHED = re.compile(
    r"IKE_SA (?:\(unnamed\)|([^\s\[]{1,128}))\[(\d{1,9})\] established between (\S{1,64}?)\[([^\]]{0,256})\]\.\.\.(\S{1,64}?)\[([^\]]{0,256})\]"
)
_ASSIGNED = re.compile(
    r"assigning (?:virtual IP|new lease) '?([0-9A-Fa-f.:]{2,45})'? to (?:peer )?'?([^']{1,256})'?$"
)
_LEASE_END = re.compile(r"lease ([0-9A-Fa-f.:]{2,45}) by '([^']{1,256})' went offline")
_DELETED = re.compile(
    r"(?:deleting|closing) IKE_SA ([^\s\[]{1,128})\[(\d{1,9})\] between (\S{1,64}?)\[([^\]]{0,256})\]\.\.\.(\S{1,64}?)\[([^\]]{0,256})\]"
)
_CHILD = re.compile(
    r"CHILD_SA ([^\s{]{1,128})\{(\d{1,9})\}.{0,40} with SPIs \S{1,32}? ?(?:\((\d{1,18}) bytes\) )?\S{1,32}? ?(?:\((\d{1,18}) bytes\) )?and TS"
)
_METHOD = re.compile(
    r"authentication of '([^']{1,256})' (?:\(.{1,128}\) )?with (.{1,64}?) (successful|failed)"
)
_EAP = re.compile(
    r"(EAP method \S{1,32}|XAuth authentication|EAP/XAuth|RADIUS authentication) (?:of|for) '([^']{1,256})' (succeeded|successful|failed)"
)
_REFUSED = re.compile(
    r"(?:(?:EAP|XAuth)[- ]\S{0,32} ?(?:verification|authentication) failed|no (?:trusted \S{1,16} )?(?:public|shared) key found|peer requested EAP, config unacceptable)"
)


def understand(program: str, pid: str | None, message: str) -> Understood | None:
    """One line of charon."""
    del program, pid
    head = _THREAD.match(message)
    text = message[head.end() :] if head is not None else message
    name, number = (head[2], head[3]) if head is not None else (None, None)
    found = next((each for reader in _READERS if (each := reader(text)) is not None), None)
    if found is None:
        return None
    columns, fields = found
    if name and "session.uid" not in columns:
        columns["session.uid"] = f"ipsec:{name}[{number}]"
    columns["metadata.product"] = "strongSwan"
    columns["metadata.log_name"] = "charon"
    return columns, fields, None


def _ends(match: re.Match[str]) -> tuple[_Columns, _Columns]:
    name, number, local, local_id, remote, remote_id = match.groups()
    columns = endpoint("src_endpoint", remote) | endpoint("dst_endpoint", local)
    if name:
        columns["session.uid"] = f"ipsec:{name}[{number}]"
    return columns | {"tunnel_type": "ipsec", "tunnel_interface.name": name}, {
        "local_id": local_id,
        "remote_id": remote_id,
    }


def _established(text: str) -> _Found:
    """Both sides are who they say; nobody has an address yet."""
    match = _ESTABLISHED.match(text)
    if match is None:
        return None
    columns, fields = _ends(match)
    return columns | {"class_uid": 4014, "activity_id": 99, "status_id": 1}, fields


def _deleted(text: str) -> _Found:
    match = _DELETED.match(text)
    if match is None:
        return None
    columns, fields = _ends(match)
    return columns | {"class_uid": 4014, "activity_id": 2, "status_id": 1}, fields


def _assigned(text: str) -> _Found:
    match = _ASSIGNED.match(text)
    inner = None if match is None else address(match[1])
    if match is None or inner is None:
        return None
    lease = text.startswith("assigning new lease")  # the pool's word of the same: no second opening
    columns = {
        "class_uid": 4014,
        "activity_id": 99 if lease else 1,
        "status_id": 1,
        "tunnel_interface.ip": inner,
    }
    return columns | account(match[2]), {}


def _ended(text: str) -> _Found:
    match = _LEASE_END.match(text)
    inner = None if match is None else address(match[1])
    if match is None or inner is None:
        return None
    return {"class_uid": 4014, "activity_id": 99, "tunnel_interface.ip": inner} | account(match[2]), {}


def _child(text: str) -> _Found:
    match = _CHILD.search(text)
    if match is None:
        return None
    columns: _Columns = {"class_uid": 4014, "activity_id": 99, "tunnel_interface.name": match[1]}
    if text.startswith("closing") and match[3] and match[4]:  # in and out as the gateway sees it
        columns |= {"traffic.bytes_out": int(match[3]), "traffic.bytes_in": int(match[4])}
    return columns, {"child": f"{match[1]}{{{match[2]}}}"}


def _authenticated(text: str) -> _Found:
    match = _METHOD.match(text)
    if match is not None:
        user, method, done = match.groups()
    else:
        eap = _EAP.match(text)
        if eap is None:
            return None
        method, user, done = eap.groups()
    columns: _Columns = {"class_uid": 3002, "activity_id": 1, "status_id": 2 if done == "failed" else 1}
    return columns | {"auth_protocol": method} | account(user), {}


def _refused(text: str) -> _Found:
    match = _REFUSED.match(text)
    return (
        None
        if match is None
        else ({"class_uid": 3002, "activity_id": 1, "status_id": 2, "status_detail": text[:256]}, {})
    )


_READERS = (_assigned, _deleted, _established, _authenticated, _child, _ended, _refused)
