"""What stitching reads: the few events that tell of arrivals, sessions and what was done in them.

Set work (which accounts are there, which rows concern them) is Ibis, so that it runs where the table is; only the
rows of providers come out, as `Fact`s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from countersign.model.schema import OCSF_COLUMNS
from countersign.visits.names import Account

AUTHENTICATION, AUTHORIZE, TUNNEL = 3002, 3003, 4014
NETWORK, HTTP, RDP, SMB, SSH = 4001, 4002, 4005, 4006, 4007
FILE, PROCESS, JOB, SERVICE, LOG = 1001, 1007, 1006, 201004, 1008
ACCOUNT_CHANGE, GROUP = 3001, 3006
ARRIVALS = (AUTHENTICATION, AUTHORIZE, TUNNEL)
DEEDS = (PROCESS, JOB, SERVICE, LOG, ACCOUNT_CHANGE, GROUP, SMB)

_LEAVES = (
    "class_uid",
    "activity_id",
    "status_id",
    "message",
    "metadata.product",
    "metadata.log_name",
    "metadata.event_code",
    "device.hostname",
    "device.ip",
    "actor.user.name",
    "actor.user.domain",
    "actor.session.uid",
    "actor.process.pid",
    "actor.process.path",
    "user.name",
    "user.domain",
    "user.uid",
    "user.credential_uid",
    "session.uid",
    "session.uid_alt",
    "session.uuid",
    "process.pid",
    "process.uid",
    "process.path",
    "process.cmd_line",
    "process.parent_process.pid",
    "process.parent_process.uid",
    "process.parent_process.path",
    "src_endpoint.hostname",
    "src_endpoint.ip",
    "src_endpoint.port",
    "dst_endpoint.hostname",
    "dst_endpoint.ip",
    "dst_endpoint.port",
    "dst_endpoint.name",
    "dst_endpoint.uid",
    "dst_endpoint.svc_name",
    "tunnel_interface.ip",
    "auth_protocol",
    "logon_type_id",
    "is_mfa",
    "connection_info.uid",
    "traffic.bytes_in",
    "traffic.bytes_out",
    "duration",
    "service.name",
    "service.path",
    "job.name",
    "job.path",
    "share",
    "file.path",
)


_OWN = ("id", "segment", "record", "time", "origin", "source", "day")
"""Columns of an event that are none of OCSF's."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One event, as far as stitching needs it. Text that is absent is empty; `time` is microseconds, UTC."""

    id: str
    segment: str
    record: int
    time: int
    class_uid: int
    activity: int
    status: int
    code: str
    log: str
    product: str
    host: str
    host_ip: str
    actor: Account
    actor_session: str
    actor_pid: int
    actor_path: str
    user: Account
    sid: str
    credential: str
    session: str
    linked: str
    guid: str
    pid: int
    process: str
    path: str
    cmd_line: str
    parent_pid: int
    parent: str
    parent_path: str
    src_host: str
    src_ip: str
    src_port: int
    dst_host: str
    dst_ip: str
    dst_port: int
    dst_name: str
    dst_uid: str
    service_name: str
    lease: str
    auth: str
    logon_type: int
    mfa: bool | None
    bytes_in: int
    bytes_out: int
    duration: int
    service: str
    service_path: str
    job: str
    job_path: str
    share: str
    file: str
    message: str
    origin: str

    @property
    def order(self) -> tuple[int, str]:
        """Sorts facts in time, ties by id: the same whatever order they were read in."""
        return self.time, self.id


def flat(events: ir.Table) -> ir.Table:
    """The dated rows of `events` as a view whose columns are the dotted names themselves, with `at`, the time in microseconds (UTC):
    what reads it asks for a column instead of a path, and its query is planned in a tenth of the time."""
    dated = events.filter(events.time.notnull())
    known = set(events.columns)
    columns = {name: leaf(dated, name) for name in OCSF_COLUMNS if name.partition(".")[0] in known}
    own = {name: dated[name] for name in _OWN if name in known}
    backend = events.get_backend()
    # one name for one table, so that the next run of the same process takes its place
    return backend.create_view(
        "visits_of_events", dated.select(**own, **columns, at=micros(dated.time)), overwrite=True
    )


def leaf(table: ir.Table, dotted: str) -> ir.Column:
    """The column behind a dotted OCSF name, of events or of their `flat` view."""
    if dotted in table.columns:
        return table[dotted]
    head, *rest = dotted.split(".")
    value: Any = table[head]
    for part in rest:
        value = value[part]
    return value


def micros(time: Any) -> Any:  # noqa: ANN401  # an Ibis column of timestamps, and one of integers
    """Microseconds since 1970 of a time. The engine's seconds have a fraction, which `microsecond` would count again."""
    return time.epoch_seconds().floor().cast("int64") * 1_000_000 + time.microsecond()


def lowered(table: ir.Table, dotted: str) -> ir.Column:
    """The same in lower case, absent as empty: what account names are compared by."""
    value: Any = leaf(table, dotted)
    return value.lower().fill_null("")


def read(events: ir.Table, where: Any) -> list[Fact]:  # noqa: ANN401  # an Ibis predicate has no public type
    """The dated events for which `where` holds, in time order."""
    chosen = events.filter(events.time.notnull() & where)
    if "at" in chosen.columns:
        rows = chosen.select("id", "segment", "record", "origin", "at", *_LEAVES)
    else:
        columns = {name: leaf(chosen, name) for name in _LEAVES}
        rows = chosen.select("id", "segment", "record", "origin", at=micros(chosen.time), **columns)
    table = rows.to_pyarrow()
    facts = [_fact(row) for row in _rows(table)]
    facts.sort(key=lambda fact: fact.order)
    return facts


def _rows(table: pa.Table) -> Iterable[Mapping[str, Any]]:
    for batch in table.to_batches(max_chunksize=65_536):
        yield from batch.to_pylist()


def _fact(row: Mapping[str, Any]) -> Fact:
    def text(name: str) -> str:
        return row[name] or ""

    def number(name: str) -> int:
        return row[name] or 0

    return Fact(
        id=row["id"],
        segment=row["segment"],
        record=row["record"],
        time=row["at"],
        class_uid=number("class_uid"),
        activity=number("activity_id"),
        status=number("status_id"),
        code=text("metadata.event_code"),
        log=text("metadata.log_name").casefold(),
        product=text("metadata.product"),
        host=text("device.hostname"),
        host_ip=text("device.ip"),
        actor=Account(text("actor.user.domain"), text("actor.user.name")),
        actor_session=text("actor.session.uid"),
        actor_pid=number("actor.process.pid"),
        actor_path=text("actor.process.path"),
        user=Account(text("user.domain"), text("user.name")),
        sid=text("user.uid"),
        credential=text("user.credential_uid"),
        session=text("session.uid"),
        linked=text("session.uid_alt"),
        guid=text("session.uuid"),
        pid=number("process.pid"),
        process=text("process.uid"),
        path=text("process.path"),
        cmd_line=text("process.cmd_line"),
        parent_pid=number("process.parent_process.pid"),
        parent=text("process.parent_process.uid"),
        parent_path=text("process.parent_process.path"),
        src_host=text("src_endpoint.hostname"),
        src_ip=text("src_endpoint.ip"),
        src_port=number("src_endpoint.port"),
        dst_host=text("dst_endpoint.hostname"),
        dst_ip=text("dst_endpoint.ip"),
        dst_port=number("dst_endpoint.port"),
        dst_name=text("dst_endpoint.name"),
        dst_uid=text("dst_endpoint.uid"),
        service_name=text("dst_endpoint.svc_name"),
        lease=text("tunnel_interface.ip"),
        auth=text("auth_protocol"),
        logon_type=number("logon_type_id"),
        mfa=row["is_mfa"],
        bytes_in=number("traffic.bytes_in"),
        bytes_out=number("traffic.bytes_out"),
        duration=number("duration"),
        service=text("service.name"),
        service_path=text("service.path"),
        job=text("job.name"),
        job_path=text("job.path"),
        share=text("share"),
        file=text("file.path"),
        message=text("message"),
        origin=text("origin"),
    )


def accounts(events: ir.Table) -> list[tuple[str, str, str]]:
    """Every distinct (name, domain, uid) that logged on, was used, or did something."""
    both = [
        events.select(
            name=leaf(events, f"{role}.name"),
            domain=leaf(events, f"{role}.domain"),
            uid=leaf(events, f"{role}.uid"),
        ).distinct()
        for role in ("user", "actor.user")
    ]
    found = ibis.union(*both, distinct=True).to_pyarrow()
    return sorted((row["name"] or "", row["domain"] or "", row["uid"] or "") for row in found.to_pylist())


def distinct_texts(events: ir.Table, dotted: str, where: Any) -> list[str]:  # noqa: ANN401  # an Ibis predicate
    """Distinct non-null values of one column among the rows for which `where` holds."""
    chosen = events.filter(where)
    found = chosen.select(value=leaf(chosen, dotted)).distinct().to_pyarrow()
    return sorted(value for value in found.column("value").to_pylist() if value)


def check_columns() -> None:
    """Every leaf read here is a column of the schema; a test calls this."""
    unknown = [name for name in _LEAVES if name not in OCSF_COLUMNS]
    if unknown:
        raise RuntimeError(f"facts.py reads {unknown}, which the schema does not have")
