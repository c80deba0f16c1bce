"""What stitching reads: the few events that tell of arrivals, sessions and what was done in them.

Set work (which accounts are there, which rows concern them) is Ibis, so that it runs where the table is; only the
rows of providers come out, as `Fact`s.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa

from countersign.model.schema import OCSF_COLUMNS, source_columns
from countersign.visits.names import DAY, Account, Domains

AUTHENTICATION, AUTHORIZE, TUNNEL = 3002, 3003, 4014
NETWORK, HTTP, RDP, SMB, SSH = 4001, 4002, 4005, 4006, 4007
FILE, PROCESS, JOB, SERVICE, LOG = 1001, 1007, 1006, 201004, 1008
SCRIPT, API = 1009, 6003
ACCOUNT_CHANGE, GROUP = 3001, 3006
ARRIVALS = (AUTHENTICATION, AUTHORIZE, TUNNEL)
DEEDS = (PROCESS, JOB, SERVICE, LOG, ACCOUNT_CHANGE, GROUP, SMB)

_TEXTS = {
    "code": "metadata.event_code",
    "log": "metadata.log_name",
    "product": "metadata.product",
    "host": "device.hostname",
    "host_ip": "device.ip",
    "actor_session": "actor.session.uid",
    "actor_uid": "actor.user.uid",
    "actor_path": "actor.process.path",
    "sid": "user.uid",
    "credential": "user.credential_uid",
    "session": "session.uid",
    "linked": "session.uid_alt",
    "guid": "session.uuid",
    "terminal": "session.terminal",
    "given": "session.credential_uid",
    "process": "process.uid",
    "path": "process.path",
    "cmd_line": "process.cmd_line",
    "parent": "process.parent_process.uid",
    "parent_path": "process.parent_process.path",
    "src_host": "src_endpoint.hostname",
    "src_ip": "src_endpoint.ip",
    "dst_host": "dst_endpoint.hostname",
    "dst_ip": "dst_endpoint.ip",
    "dst_name": "dst_endpoint.name",
    "dst_uid": "dst_endpoint.uid",
    "service_name": "dst_endpoint.svc_name",
    "lease": "tunnel_interface.ip",
    "auth": "auth_protocol",
    "cipher": "src_ticketencryptiontype",
    "service": "service.name",
    "service_path": "service.path",
    "job": "job.name",
    "job_path": "job.path",
    "share": "share",
    "file": "file.path",
    "access": "src_accessmask",
    "group": "group.name",
    "operation": "api.operation",
    "message": "message",
    "origin": "origin",
}
_NUMBERS = {
    "class_uid": "class_uid",
    "activity": "activity_id",
    "status": "status_id",
    "actor_pid": "actor.process.pid",
    "pid": "process.pid",
    "parent_pid": "process.parent_process.pid",
    "src_port": "src_endpoint.port",
    "dst_port": "dst_endpoint.port",
    "logon_type": "logon_type_id",
    "bytes_in": "traffic.bytes_in",
    "bytes_out": "traffic.bytes_out",
    "duration": "duration",
}
_ACCOUNTS = {
    "actor": ("actor.user.domain", "actor.user.name", "actor.user.uid"),
    "user": ("user.domain", "user.name", "user.uid"),
}
"""Fields of a `Fact` and the columns they come from."""
_LEAVES = (
    *(leaf for leaf in _TEXTS.values() if leaf != "origin"),
    *_NUMBERS.values(),
    *(leaf for columns in _ACCOUNTS.values() for leaf in columns if not leaf.endswith("user.uid")),
    "is_mfa",
)


_OF_FLOWS = (
    *(
        "class_uid",
        "activity_id",
        "status_id",
        "metadata.product",
        "metadata.log_name",
        "metadata.event_code",
    ),
    *("device.hostname", "device.ip", "user.name", "user.domain", "process.uid", "session.uid", "duration"),
    *(name for name in _LEAVES if name.startswith(("src_endpoint.", "dst_endpoint.", "traffic."))),
)
LEAVES = (
    *("id", "segment", "record", "time", "origin", "source", "day"),
    *_LEAVES,
    *(
        "actor.app_name",
        "actor.session.is_mfa",
        "actor.user.email_addr",
        "actor.user.full_name",
        "actor.user.type",
    ),
    *("actor.user.credential_uid", "cloud.account.uid"),
    *("api.request.uid", "auth_factors"),  # to join authentication details
    "metadata.log_provider",
    *("connection_info.direction_id", "file.name", "resources.name"),
    *("user.email_addr", "user.full_name", "user.type"),
    *("src_objectname", "src_param1", "src_param2", "src_payload", "src_properties", "src_scriptblocktext"),
)
"""All that stitching reads of an event."""
FEW = 16
LONGEST = 10 * 366 * 86_400_000
"""Milliseconds; nothing lasts longer, and a record that says so, or less than nothing, says nothing of how long it was."""
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
    actor_uid: str
    actor_pid: int
    actor_path: str
    user: Account
    sid: str
    credential: str
    session: str
    linked: str
    guid: str
    terminal: str
    given: str  # an account that the session was given for use elsewhere
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
    cipher: str
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
    access: str
    group: str
    operation: str
    message: str
    origin: str

    @property
    def order(self) -> tuple[int, str]:
        """Sorts facts in time, ties by id: the same whatever order they were read in."""
        return self.time, self.id


def flat(
    events: ir.Table, leaves: Collection[str] = OCSF_COLUMNS, name: str = "visits_of_events"
) -> ir.Table:
    """The dated rows of `events` as a view whose columns are the dotted names themselves (of `leaves`), with `at`, the time in microseconds (UTC),
    and `date`, the days since 1970: what reads it asks for a column instead of a path, and its query is planned in a tenth of the
    time. The flat view of a flat view is that view."""
    if "at" in events.columns and "date" in events.columns:
        return events
    dated = events.filter(events.time.notnull())
    known = set(events.columns)
    columns = {
        name: leaf(dated, name)
        for name in leaves
        if name not in _OWN and not known.isdisjoint({name, name.partition(".")[0]})
    }
    own = {name: dated[name] for name in _OWN if name in known}
    backend = events.get_backend()
    # one name for one table, so that the next run of the same process takes its place
    return backend.create_view(
        name,
        dated.select(**own, **columns, at=micros(dated.time), date=micros(dated.time) // DAY),
        overwrite=True,
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


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]  # Ibis has no types for it
def epoch_us(time: dt.Timestamp(timezone="UTC")) -> int:  # type: ignore[valid-type]  # a type of Ibis', made by a call
    """Microseconds since 1970: the engine's own, four times as quick as what Ibis would make of seconds and microseconds."""
    raise RuntimeError(f"{time} is for the engine")


def micros(time: Any) -> Any:  # noqa: ANN401  # an Ibis column of timestamps, and one of integers
    """Microseconds since 1970 of a time."""
    return epoch_us(time)


def among(column: Any, values: Collection[str]) -> Any:  # noqa: ANN401  # Ibis: a column, and a predicate
    """Whether a text is one of `values`. The engine looks few up while it reads, and many in a table, ten times as quick."""
    listed = sorted(set(values))
    # a query's text cannot hold a NUL, which a log can
    if len(listed) <= FEW and not any("\0" in value for value in listed):
        return column.isin(listed) if listed else ibis.literal(value=False)
    return column.isin(ibis.memtable(pa.table({"value": pa.array(listed, pa.string())})).value)


def one_of(column: Any, values: Iterable[int]) -> Any:  # noqa: ANN401  # Ibis: a column, and a predicate
    """Whether a number is one of these few; within a greater condition the engine joins a table for `isin`."""
    return ibis.or_(*(column == value for value in sorted(set(values))))


def lowered(table: ir.Table, dotted: str) -> ir.Column:
    """The same in lower case, absent as empty: what account names are compared by."""
    value: Any = leaf(table, dotted)
    return value.lower().fill_null("")


def columns_of(chosen: ir.Table) -> ir.Table:
    """What `made` needs of rows of a flat view."""
    return chosen.select("id", "segment", "record", "origin", "at", "date", *_LEAVES)


def flow_columns(chosen: ir.Table) -> ir.Table:
    """The same of connections, as far as `_OF_FLOWS`; the rest is absent."""
    return chosen.select("id", "segment", "record", "origin", "at", "date", *_OF_FLOWS)


def read(events: ir.Table, where: Any) -> list[Fact]:  # noqa: ANN401  # an Ibis predicate has no public type
    """The dated events of a flat view for which `where` holds, in time order."""
    facts = list(made(columns_of(events.filter(where)).to_pyarrow(), Domains()))
    facts.sort(key=lambda fact: fact.order)
    return facts


def made(rows: pa.Table, domains: Domains) -> Iterator[Fact]:
    """Rows of `columns_of` as facts, each domain by its one name."""
    names = {field.name for field in fields(Fact)}
    accounts: dict[tuple[str, str, str], Account] = {}
    for batch in rows.to_batches(max_chunksize=65_536):
        found = _columns(batch, accounts, domains)
        yield from map(Fact, *(found[name] for name in Fact.__slots__ if name in names))


def _columns(
    batch: pa.RecordBatch, accounts: dict[tuple[str, str, str], Account], domains: Domains
) -> dict[str, list[Any]]:
    """The values of each field, absent text as empty and absent numbers as 0; equal accounts are one object."""
    absent = set(_LEAVES) - set(batch.schema.names)

    def texts(name: str) -> list[str]:
        if name in absent:
            return [""] * batch.num_rows
        column = batch.column(name)
        if column.null_count == len(column):
            return [""] * len(column)
        return [value or "" for value in column.to_pylist()]

    def account(told: tuple[str, str, str]) -> Account:
        known = accounts.get(told)
        if known is None:
            known = accounts[told] = domains.account(*told)
        return known

    out: dict[str, list[Any]] = {name: batch.column(name).to_pylist() for name in ("id", "segment", "record")}
    out["time"] = batch.column("at").to_pylist()
    out["mfa"] = [None] * batch.num_rows if "is_mfa" in absent else batch.column("is_mfa").to_pylist()
    for name, column in _TEXTS.items():
        out[name] = texts(column)
    for name, column in _NUMBERS.items():
        numbers = () if column in absent else batch.column(column).to_pylist()
        out[name] = [value or 0 for value in numbers] or [0] * batch.num_rows
    out["duration"] = [value if 0 < value <= LONGEST else 0 for value in out["duration"]]
    for name, columns in _ACCOUNTS.items():
        out[name] = [account(told) for told in zip(*map(texts, columns), strict=True)]
    out["log"] = [text.casefold() for text in out["log"]]
    return out


def check_columns() -> None:
    """Every leaf read here is a column of the schema; a test calls this."""
    known = {*OCSF_COLUMNS, *source_columns().values(), *_OWN}
    unknown = [name for name in (*_LEAVES, *LEAVES) if name not in known]
    if unknown:
        raise RuntimeError(f"facts.py reads {unknown}, which the schema does not have")
