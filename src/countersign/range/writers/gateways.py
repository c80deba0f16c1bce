"""VPN gateways: Cisco ASA with AnyConnect, an OpenVPN server, a FortiGate with SSL VPN. Messages without their times.

References: Cisco Secure Firewall ASA Series Syslog Messages (106023, 113004, 113005, 113008, 113009, 113019, 113039,
722022, 722051, 734001); OpenVPN 2.6 src/openvpn/{ssl_verify,multi,push}.c; FortiOS 7.4 Log Message Reference (39424,
39425, 39426, 39947, 39948).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tunnel:
    """What a gateway knows of one session; `number` is its own number of it."""

    user: str
    origin: str
    port: int
    address: str
    number: int
    group: str


def asa_connected(tunnel: Tunnel) -> list[tuple[int, int, str]]:
    """Level, number and text of the messages from the authentication to the assigned address."""
    user, origin, group = tunnel.user, tunnel.origin, tunnel.group
    who = f"Group <{group}> User <{user}> IP <{origin}>"
    return [
        (6, 113004, f"AAA user authentication Successful : server =  10.20.0.10 : user = {user}"),
        (6, 113009, f"AAA retrieved default group policy ({group}) for user = {user}"),
        (6, 113008, f"AAA transaction status ACCEPT : user = {user}"),
        (
            6,
            734001,
            f"DAP: User {user}, Addr {origin}, Connection AnyConnect: The following DAP records were selected for this connection: DfltAccessPolicy",
        ),
        (6, 113039, f"{who} AnyConnect parent session started."),
        (4, 722051, f"{who} IPv4 Address <{tunnel.address}> IPv6 address <::> assigned to session"),
        (6, 722022, f"{who} TCP SVC connection established without compression"),
    ]


def asa_rejected(user: str, origin: str) -> list[tuple[int, int, str]]:
    """A wrong password."""
    return [
        (
            6,
            113005,
            f"AAA user authentication Rejected : reason = AAA failure : server = 10.20.0.10 : user = {user} : user IP = {origin}",
        )
    ]


def asa_disconnected(tunnel: Tunnel, seconds: int, sent: int, received: int) -> list[tuple[int, int, str]]:
    """The session's end with its sums; `sent` is what the gateway transmitted to the client."""
    hours, rest = divmod(seconds, 3600)
    return [
        (
            4,
            113019,
            f"Group = {tunnel.group}, Username = {tunnel.user}, IP = {tunnel.origin}, Session disconnected. Session Type: SSL, Duration: {hours}h:{rest // 60:02d}m:{rest % 60:02d}s, Bytes xmt: {sent}, Bytes rcv: {received}, Reason: User Requested",
        )
    ]


ASA_DENIED = b'%%ASA-4-106023: Deny tcp src outside:%b/%d dst inside:192.0.2.1/%d by access-group "outside_in" [0x0, 0x0]'


def openvpn_connected(tunnel: Tunnel, organisation: str) -> list[str]:
    """From the first packet to the pushed address."""
    user, where = tunnel.user, f"{tunnel.origin}:{tunnel.port}"
    named = f"{user}/{where}"
    return [
        f"{where} TLS: Initial packet from [AF_INET]{where}, sid={tunnel.number:08x} {tunnel.port * 7919:08x}",
        f"{where} VERIFY OK: depth=1, CN={organisation} CA",
        f"{where} VERIFY OK: depth=0, CN={user}",
        f"{where} peer info: IV_VER=2.6.12",
        f"{where} peer info: IV_PLAT=win",
        f"{where} TLS: Username/Password authentication succeeded for username '{user}' ",
        f"{where} Control Channel: TLSv1.3, cipher TLSv1.3 TLS_AES_256_GCM_SHA384, peer certificate: 2048 bits RSA, signature: RSA-SHA256",
        f"{where} [{user}] Peer Connection Initiated with [AF_INET]{where}",
        f"{named} MULTI_sva: pool returned IPv4={tunnel.address}, IPv6=(Not enabled)",
        f"{named} MULTI: Learn: {tunnel.address} -> {named}",
        f"{named} MULTI: primary virtual IP for {named}: {tunnel.address}",
        f"{named} SENT CONTROL [{user}]: 'PUSH_REPLY,route 10.20.0.0 255.255.0.0,topology subnet,ping 10,ping-restart 120,ifconfig {tunnel.address} 255.255.255.0,peer-id 0,cipher AES-256-GCM' (status=1)",
    ]


def openvpn_rejected(user: str, origin: str, port: int) -> list[str]:
    """A wrong password behind a good certificate."""
    where = f"{origin}:{port}"
    return [
        f"{where} TLS Auth Error: Auth Username/Password verification failed for peer",
        f"{where} [{user}] Peer Connection Initiated with [AF_INET]{where}",
        f"{user}/{where} SENT CONTROL [{user}]: 'AUTH_FAILED' (status=1)",
        f"{user}/{where} SIGTERM[soft,delayed-exit] received, client-instance exiting",
    ]


def openvpn_disconnected(tunnel: Tunnel) -> list[str]:
    """The client said goodbye."""
    return [
        f"{tunnel.user}/{tunnel.origin}:{tunnel.port} SIGTERM[soft,remote-exit] received, client-instance exiting"
    ]


def fortigate(action: str, tunnel: Tunnel, *, seconds: int = 0, sent: int = 0, received: int = 0) -> str:
    """The pairs of a VPN message behind its times: `ssl-login-fail`, `tunnel-up` or `tunnel-down`."""
    number, level, description, message = {
        "ssl-login-fail": ("0101039426", "alert", "SSL VPN login fail", "SSL user failed to logged in"),
        "tunnel-up": ("0101039947", "information", "SSL VPN tunnel up", "SSL tunnel established"),
        "tunnel-down": ("0101039948", "information", "SSL VPN tunnel down", "SSL tunnel shutdown"),
    }[action]
    failed = action == "ssl-login-fail"
    sums = f" duration={seconds} sentbyte={sent} rcvdbyte={received}" if action == "tunnel-down" else ""
    where = "" if failed or action == "tunnel-down" else f" tunnelip={tunnel.address}"
    return (
        f'logid="{number}" type="event" subtype="vpn" level="{level}" vd="root" logdesc="{description}" '
        f'action="{action}" tunneltype="{"ssl-web" if failed else "ssl-tunnel"}" '
        f"tunnelid={0 if failed else tunnel.number} remip={tunnel.origin}{where} "
        f'user="{tunnel.user}" group="{tunnel.group}" dst_host="N/A" '
        f'reason="{"sslvpn_login_permission_denied" if failed else "N/A"}"{sums} msg="{message}"'
    )
