"""VPN gateways: Cisco ASA with AnyConnect (syslog) and an OpenVPN server (its own log file).

References: Cisco Secure Firewall ASA Series Syslog Messages (113004, 113005, 113008, 113009, 113019, 113039,
722022, 722051, 734001, 106023); OpenVPN 2.6 src/openvpn/{ssl_verify,multi,push}.c.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from countersign.range.demo.clock import Schedule, to_datetime
from countersign.range.demo.files import Files, Place

AAA_SERVER = "10.20.1.10"


class AsaLog:
    """Syslog of one ASA with `logging timestamp` and `logging device-id hostname`."""

    def __init__(self, files: Files, schedule: Schedule, zone: ZoneInfo, name: str, group: str) -> None:
        self._files = files
        self._schedule = schedule
        self._zone = zone
        self._name = name
        self._group = group

    def rejected(self, user: str, origin: str) -> list[Place]:
        """A wrong password."""
        return [
            self._write(
                6,
                113005,
                "AAA user authentication Rejected : reason = AAA failure : "
                f"server = {AAA_SERVER} : user = {user} : user IP = {origin}",
            )
        ]

    def connected(self, user: str, origin: str, address: str) -> list[Place]:
        """From authentication to the assigned address."""
        who = f"Group <{self._group}> User <{user}> IP <{origin}>"
        return [
            self._write(
                6, 113004, f"AAA user authentication Successful : server =  {AAA_SERVER} : user = {user}"
            ),
            self._write(6, 113009, f"AAA retrieved default group policy ({self._group}) for user = {user}"),
            self._write(6, 113008, f"AAA transaction status ACCEPT : user = {user}"),
            self._write(
                6,
                734001,
                f"DAP: User {user}, Addr {origin}, Connection AnyConnect: "
                "The following DAP records were selected for this connection: DfltAccessPolicy",
            ),
            self._write(6, 113039, f"{who} AnyConnect parent session started."),
            self._write(
                4,
                722051,
                f"{who} IPv4 Address <{address}> IPv6 address <::> assigned to session",
            ),
            self._write(6, 722022, f"{who} TCP SVC connection established without compression"),
        ]

    def disconnected(self, user: str, origin: str, seconds: int, sent: int, received: int) -> list[Place]:
        """The session's end with its sums; `sent` is what the gateway transmitted to the client."""
        hours, rest = divmod(seconds, 3600)
        return [
            self._write(
                4,
                113019,
                f"Group = {self._group}, Username = {user}, IP = {origin}, Session disconnected. "
                f"Session Type: SSL, Duration: {hours}h:{rest // 60:02d}m:{rest % 60:02d}s, "
                f"Bytes xmt: {sent}, Bytes rcv: {received}, Reason: User Requested",
            )
        ]

    def denied(self, origin: str, origin_port: int, target: str, port: int) -> Place:
        """The internet's background: a packet refused at the outside."""
        return self._write(
            4,
            106023,
            f"Deny tcp src outside:{origin}/{origin_port} dst inside:{target}/{port} "
            'by access-group "outside_in" [0x0, 0x0]',
        )

    def _write(self, level: int, number: int, message: str) -> Place:
        moment = to_datetime(self._schedule.now).astimezone(self._zone)
        line = f"{moment:%b %d %Y %H:%M:%S} {self._name} : %ASA-{level}-{number}: {message}"
        return self._files.write(f"gateways/{self._name}.log", line)


class OpenVpnLog:
    """Log file of one OpenVPN server at verb 3, local time, peers by certificate name."""

    def __init__(self, files: Files, schedule: Schedule, zone: ZoneInfo, name: str, ca: str) -> None:
        self._files = files
        self._schedule = schedule
        self._zone = zone
        self._name = name
        self._ca = ca

    def started(self) -> None:
        """The daemon's first lines."""
        self._write(
            "OpenVPN 2.6.12 x86_64-pc-linux-gnu [SSL (OpenSSL)] [LZO] [LZ4] [EPOLL] [MH/PKTINFO] [AEAD]"
        )
        self._write("library versions: OpenSSL 3.0.15 3 Sep 2024, LZO 2.10")
        self._write("Initialization Sequence Completed")

    def rejected(self, user: str, peer: str, port: int) -> list[Place]:
        """A wrong password behind a good certificate."""
        where = f"{peer}:{port}"
        return [
            self._write(f"{where} TLS Auth Error: Auth Username/Password verification failed for peer"),
            self._write(f"{where} [{user}] Peer Connection Initiated with [AF_INET]{where}"),
            self._write(f"{user}/{where} SENT CONTROL [{user}]: 'AUTH_FAILED' (status=1)"),
            self._write(f"{user}/{where} SIGTERM[soft,delayed-exit] received, client-instance exiting"),
        ]

    def connected(self, user: str, peer: str, port: int, address: str) -> list[Place]:
        """From the first packet to the pushed address."""
        where = f"{peer}:{port}"
        named = f"{user}/{where}"
        return [
            self._write(
                f"{where} TLS: Initial packet from [AF_INET]{where}, sid={port:08x} {port * 7919:08x}"
            ),
            self._write(f"{where} VERIFY OK: depth=1, CN={self._ca}"),
            self._write(f"{where} VERIFY OK: depth=0, CN={user}"),
            self._write(f"{where} peer info: IV_VER=2.6.12"),
            self._write(f"{where} peer info: IV_PLAT=win"),
            self._write(f"{where} TLS: Username/Password authentication succeeded for username '{user}' "),
            self._write(
                f"{where} Control Channel: TLSv1.3, cipher TLSv1.3 TLS_AES_256_GCM_SHA384, "
                "peer certificate: 2048 bits RSA, signature: RSA-SHA256"
            ),
            self._write(f"{where} [{user}] Peer Connection Initiated with [AF_INET]{where}"),
            self._write(f"{named} MULTI_sva: pool returned IPv4={address}, IPv6=(Not enabled)"),
            self._write(f"{named} MULTI: Learn: {address} -> {named}"),
            self._write(f"{named} MULTI: primary virtual IP for {named}: {address}"),
            self._write(
                f"{named} SENT CONTROL [{user}]: 'PUSH_REPLY,route 10.20.0.0 255.255.0.0,"
                f"topology subnet,ping 10,ping-restart 120,ifconfig {address} 255.255.255.0,"
                "peer-id 0,cipher AES-256-GCM' (status=1)"
            ),
        ]

    def disconnected(self, user: str, peer: str, port: int) -> list[Place]:
        """The client said goodbye."""
        return [
            self._write(f"{user}/{peer}:{port} SIGTERM[soft,remote-exit] received, client-instance exiting")
        ]

    def _write(self, message: str) -> Place:
        moment = to_datetime(self._schedule.now).astimezone(self._zone)
        return self._files.write(f"gateways/{self._name}.log", f"{moment:%Y-%m-%d %H:%M:%S} {message}")
