"""Files that providers' accounts made, wrote, renamed and deleted, as hosts tell (Sysmon 11, 23 and 26, 4663 with a right to write).

A session can touch a million files: they are numbered and counted by the engine for each process and folder, and only the first few
of each come out.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

import ibis
import ibis.expr.types as ir

from countersign.visits import facts as f
from countersign.visits.acts import FIRST, Touched
from countersign.visits.asking import Days
from countersign.visits.cloud_reading import is_no_cloud
from countersign.visits.facts import among, leaf
from countersign.visits.holders import Holders
from countersign.visits.keyed import OWNED
from countersign.visits.names import Account
from countersign.visits.words import FILE_DEEDS, is_writing, written

AT_A_TIME = 16_384
_READ = 2
"""OCSF `activity_id` of 1001."""
_GROUP = ("date", "host", "name", "domain", "session", "process", "number", "activity", "access", "folder")


def hang_files(days: Days, names: Iterable[str], holders: Holders) -> None:
    """Hangs the files that these accounts touched on the hops in which it was done."""
    wanted = set(names)
    if not wanted or not holders.nodes:
        return
    found = days.of_names("files", wanted, _files)
    # a few at a time: who encrypts a file server touches every folder of it
    for row in chain.from_iterable(batch.to_pylist() for batch in found.to_batches(max_chunksize=AT_A_TIME)):
        done = written(row["access"]) if row["access"] else FILE_DEEDS.get(row["activity"], "touched")
        if row["access"] and not is_writing(row["access"]):
            continue
        host, at = holders.hosts.canonical(row["host"]), row["at"]
        account = Account(days.domains.named(row["domain"]), row["name"])
        node = (
            holders.of_session(host, (row["session"],), at)
            or holders.of_process(host, row["process"], row["number"], at)
            or holders.of_account(host, account, at)
        )
        if node is not None:
            place = (row["id"], row["segment"], row["record"])
            group = "|".join(str(row[name]) for name in _GROUP)
            node.files.append(
                Touched(at, place, done, row["path"], group, row["rank"], row["times"], row["until"])
            )


def _files(events: ir.Table, names: list[str]) -> ir.Table:
    kind: Any = leaf(events, "class_uid")
    activity: Any = leaf(events, "activity_id").fill_null(0)
    told = (kind == f.FILE) & (activity != _READ)
    audited = (kind == 0) & (leaf(events, "metadata.event_code") == "4663")
    carried = (
        leaf(events, "metadata.product").fill_null("").isin([*sorted(OWNED), "auditd"])
    )  # read with other deeds
    doer: Any = ibis.coalesce(leaf(events, "actor.user.name"), leaf(events, "user.name"))
    chosen = events.filter((told | audited) & ~carried & is_no_cloud(events) & among(doer.lower(), names))
    path: Any = ibis.coalesce(leaf(chosen, "file.path"), leaf(chosen, "src_objectname"))
    audit = leaf(chosen, "class_uid") == 0
    rows = chosen.select(
        "date",
        "at",
        "id",
        "segment",
        "record",
        path=path,
        host=leaf(chosen, "device.hostname").fill_null(""),
        name=ibis.coalesce(leaf(chosen, "actor.user.name"), leaf(chosen, "user.name")),
        domain=ibis.coalesce(leaf(chosen, "actor.user.domain"), leaf(chosen, "user.domain"), ""),
        session=ibis.coalesce(leaf(chosen, "actor.session.uid"), leaf(chosen, "session.uid"), ""),
        process=leaf(chosen, "process.uid").fill_null(""),
        number=leaf(chosen, "process.pid").fill_null(0),
        activity=leaf(chosen, "activity_id").fill_null(0),
        access=ibis.ifelse(audit, leaf(chosen, "src_accessmask").fill_null("0x0"), ""),
        folder=path.re_replace(r"[^\\/]*$", ""),
    )
    rows = rows.filter((rows.path != "") & ~rows.path.upper().startswith("\\REGISTRY\\"))
    counted = rows.mutate(
        rank=ibis.row_number().over(
            group_by=[rows[name] for name in _GROUP],
            order_by=[rows["at"], rows["id"], rows["segment"], rows["record"]],
        )
        + 1,
        times=rows.count().over(group_by=[rows[name] for name in _GROUP]),
        until=rows["at"].max().over(group_by=[rows[name] for name in _GROUP]),
    )
    return counted.filter(counted["rank"] <= FIRST + 1)
