"""More of Zeek's logs in OCSF's columns: what carries work and files, gives addresses, or lets somebody in.

References: https://docs.zeek.org/en/master/script-reference/log-files.html, https://schema.ocsf.io/1.6.0/classes.
"""

from __future__ import annotations

MORE_SAME: dict[str, dict[str, object]] = {
    "dhcp": {"class_uid": 4004, "activity_id": 99},
    "ftp": {"class_uid": 4008, "activity_id": 0},
    "smtp": {"class_uid": 4009, "activity_id": 99, "connection_info.protocol_name": "tcp"},
    "files": {"class_uid": 4010, "activity_id": 99},
    "notice": {"class_uid": 2004, "activity_id": 1},
    "tunnel": {"class_uid": 4014, "activity_id": 99},
    "radius": {"class_uid": 3002, "activity_id": 1, "status_id": 0, "auth_protocol": "RADIUS"},
    "rfb": {"class_uid": 3002, "activity_id": 1, "status_id": 0},
    "socks": {"class_uid": 4001, "activity_id": 6, "connection_info.protocol_name": "tcp"},
}
"""What all rows of a log have, unless their fields say more."""

FTP_COMMANDS = {
    "STOR": 1, "STOU": 1, "APPE": 1, "RETR": 2, "DELE": 4, "RMD": 4, "RNFR": 5, "RNTO": 5, "LIST": 6, "NLST": 6, "MLSD": 6,
}  # fmt: skip
"""OCSF: 1 put, 2 get, 4 delete, 5 rename, 6 list."""
TUNNELS = {"Tunnel::DISCOVER": 1, "Tunnel::CLOSE": 2, "Tunnel::EXPIRE": 2}
"""OCSF: 1 open, 2 close."""
RESULTS = {"success": 1, "failed": 2}
