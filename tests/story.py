"""Short traces of events, as the sources would give them, for tests of stitching."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from countersign.model.batch import EventBatch, ParseContext, microseconds
from countersign.model.schema import events_schema
from countersign.visits import Claimed

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECURITY = "Security"


@dataclass
class Story:
    """Collects events; `table()` is the events table that a lake would hold."""

    rows: list[tuple[float, dict[str, Any], dict[str, Any]]] = field(default_factory=list)

    def add(self, at: float, columns: dict[str, Any], **fields: Any) -> None:
        """One event, `at` seconds after the story's start."""
        self.rows.append((at, columns, fields))

    def windows(
        self, at: float, host: str, code: int, class_uid: int, log: str = SECURITY, **columns: Any
    ) -> None:
        """One Windows event; double underscores in names are dots."""
        self.add(
            at,
            {
                "class_uid": class_uid,
                "activity_id": 1,
                "status_id": 1,
                "metadata.product": "Windows",
                "metadata.log_name": log,
                "metadata.event_code": str(code),
                "device.hostname": host,
                **{name.replace("__", "."): value for name, value in columns.items()},
            },
        )

    def logon(
        self, at: float, host: str, user: str, session: str, kind: int = 3, ip: str = "", **more: Any
    ) -> None:
        """4624."""
        columns = {"src_endpoint__ip": ip or None, **more}
        self.windows(
            at,
            host,
            4624,
            3002,
            user__name=user,
            user__domain=more.pop("domain", "CORP"),
            session__uid=session,
            logon_type_id=kind,
            **{name: value for name, value in columns.items() if name != "domain"},
        )

    def logoff(self, at: float, host: str, user: str, session: str) -> None:
        """4634."""
        self.windows(
            at, host, 4634, 3002, activity_id=2, user__name=user, user__domain="CORP", session__uid=session
        )

    def explicit(
        self, at: float, host: str, subject: str, session: str, user: str, target: str, **more: Any
    ) -> None:
        """4648 on `host`: `subject` uses the credentials of `user` towards `target`."""
        self.windows(
            at,
            host,
            4648,
            3002,
            actor__user__name=subject,
            actor__user__domain="CORP",
            actor__session__uid=session,
            user__name=user,
            user__domain="CORP",
            dst_endpoint__hostname=target,
            **more,
        )

    def machine(self, at: float, host: str, ip: str) -> None:
        """A machine account's logon at the domain controller: `host` has `ip`."""
        self.logon(at, "DC01.corp.example", f"{host}$", f"0x9{crc32(f'{host} {at}'.encode()):x}", ip=ip)

    def tunnel(
        self, at: float, user: str, real: str, lease: str, key: str, *, opens: bool = True, **more: Any
    ) -> None:
        """A VPN session opening or closing at the gateway vpn01."""
        self.add(
            at,
            {
                "class_uid": 4014,
                "activity_id": 1 if opens else 2,
                "status_id": 1,
                "metadata.product": "Cisco ASA",
                "metadata.log_name": "asa",
                "device.hostname": "vpn01",
                "user.name": user,
                "src_endpoint.ip": real,
                "tunnel_interface.ip": lease if opens else None,
                "session.uid": key,
                **{name.replace("__", "."): value for name, value in more.items()},
            },
        )

    def process(self, at: float, host: str, user: str, session: str, command: str, **more: Any) -> None:
        """4688."""
        self.windows(
            at,
            host,
            4688,
            1007,
            actor__user__name=user,
            actor__user__domain="CORP",
            actor__session__uid=session,
            process__path=command.split(maxsplit=1)[0],
            process__cmd_line=command,
            **more,
        )

    def arrow(self, order: list[int] | None = None) -> pa.Table:
        """The events as an Arrow table of the whole schema."""
        context = ParseContext("ab" * 32, START, START + timedelta(days=30))
        batch = EventBatch("story", context)
        chosen = self.rows if order is None else [self.rows[index] for index in order]
        for index, (at, columns, fields) in enumerate(chosen):
            values = {name: value for name, value in columns.items() if value is not None}
            values["time"] = microseconds(START + timedelta(seconds=at))
            values["time_basis"] = "stated"
            raw = hashlib.sha256(repr((at, sorted(columns.items(), key=str))).encode()).digest()
            batch.add(index, raw, values, fields)
        return whole(batch.finish().events)

    def table(self, order: list[int] | None = None) -> ir.Table:
        """The same, as stitching reads it."""
        connection = ibis.duckdb.connect(threads=1)
        # in Ibis' own words a table of so many columns takes as long to make as a story to stitch
        connection.con.register("told", self.arrow(order))
        connection.con.execute("CREATE TABLE events AS FROM told")
        connection.con.unregister("told")
        return connection.table("events")


def whole(table: pa.Table) -> pa.Table:
    """`table` with every column and struct leaf of the events schema, absent ones null."""
    columns = []
    for name in events_schema().names:
        type_ = events_schema().field(name).type
        if name in table.column_names:
            columns.append(table.column(name).cast(type_))
        else:
            columns.append(pa.nulls(table.num_rows, type_))
    return pa.table(columns, schema=events_schema())


@dataclass
class Claims:
    """Who is whose: names to persons of the provider `acme`, addresses to providers."""

    people: dict[str, str] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    services: frozenset[str] = frozenset()

    def who(self, name: str, domain: str, uid: str) -> Claimed | None:
        """By the bare name."""
        del domain, uid
        person = self.people.get(name.casefold())
        if person is None:
            return None
        return Claimed("acme", person, "service" if name in self.services else "person")

    def origin(self, address: str) -> str | None:
        """By the whole address."""
        return self.origins.get(address)
