"""The clouds' logs: Entra and Microsoft 365 as JSON lines a day, CloudTrail as S3 lays its files out."""

from __future__ import annotations

import zlib
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import orjson

from countersign.range.calendar import MINUTE
from countersign.range.draws import mix
from countersign.range.estate import uuid_of
from countersign.range.streams.base import (
    LEVEL,
    LOST,
    Common,
    Growing,
    Kept,
    Record,
    Today,
    fate_of,
    in_turn,
)
from countersign.range.writers import cloud, times

REGION = "eu-west-2"
QUARTER = 5 * MINUTE
"""How often CloudTrail delivers."""
READS = ("MailItemsAccessed", "FileAccessed", "FileModified", "FileDownloaded")
CALLS = (
    ("ec2.amazonaws.com", "DescribeInstances"), ("ec2.amazonaws.com", "DescribeSecurityGroups"),
    ("s3.amazonaws.com", "ListBuckets"), ("sts.amazonaws.com", "GetCallerIdentity"),
    ("ssm.amazonaws.com", "DescribeInstanceInformation"), ("kms.amazonaws.com", "Decrypt"),
    ("iam.amazonaws.com", "ListRoles"), ("cloudwatch.amazonaws.com", "GetMetricData"),
)  # fmt: skip
OFFICE = "192.0.2.10"
"""The estate's own address on the internet."""


class _Daily(Kept):
    """JSON lines, a file a day."""

    folder = ""
    key = ""

    def __init__(self, common: Common, stream: int) -> None:
        super().__init__(common, stream, common.root / "cloud")

    def write(self, today: Today, visits: Sequence[Record]) -> None:
        """A day's records."""
        name = f"{self.folder}-{today.day.date:%Y-%m-%d}.jsonl"
        self._file = Growing(self.common.root / "cloud" / name, compressed=self.common.estate.spec.compressed)
        for moment, _, row, fate in in_turn(today, self.stream, visits, self.visited):
            self._way.put(self.everyday(today, moment, row) + b"\n", fate, moment, today.seed[row])
        self._way.settle()

    @abstractmethod
    def identity(self, record: dict[str, Any]) -> str:
        """The id that a record has itself."""

    @abstractmethod
    def everyday(self, today: Today, moment: int, row: int) -> bytes:
        """A record of the estate's own people."""

    def visited(self, record: Record) -> None:
        """Writes a visit's record."""
        body = record.body
        if not isinstance(body, bytes):
            raise RuntimeError("a cloud's log holds its records ready")  # noqa: TRY004 # our own misuse
        fate = fate_of(record.number, self.common.estate)
        self._way.put(body + b"\n", fate, record.time, record.number)
        if record.ref is not None:
            reference = {"log": self.key, "id": self.identity(orjson.loads(body))}
            self.common.sink.note(record.ref, fate != LOST, reference)

    def _member(self, today: Today, row: int) -> tuple[str, str]:
        """UPN and name of the member of staff, or of a guest."""
        spec, seed = self.common.estate.spec, today.seed[row]
        if spec.guests and seed % 100 < 8:
            number = mix(seed) % spec.guests
            return f"guest{number}_partner{number % 40}.example#EXT#@{spec.tenant}", f"Guest {number}"
        name = self.common.user[today.source[row]].name.decode()
        return f"{name}@{spec.tenant}", name


class EntraStream(_Daily):
    """Sign-ins and audit of the tenant."""

    folder, key = "entra/entra", "entra"

    def identity(self, record: dict[str, Any]) -> str:
        """`properties.id`."""
        return str(record["properties"]["id"])

    def everyday(self, today: Today, moment: int, row: int) -> bytes:
        """A sign-in."""
        seed = today.seed[row]
        upn, name = self._member(today, row)
        guest = "#EXT#" in upn
        tenant = self.common.estate.tenant_id
        return cloud.sign_in(
            moment, seed, tenant=tenant, home=uuid_of(mix(seed % 40)) if guest else tenant, upn=upn, name=name,
            address=f"198.51.100.{60 + seed % 180}" if guest or seed % 5 == 0 else OFFICE, app=seed >> 9,
            kind="guest" if guest else "member", mfa=seed % 3 > 0, error=50126 if seed % 41 == 0 else 0,
        )  # fmt: skip


class UnifiedStream(_Daily):
    """The unified audit log."""

    folder, key = "m365/audit", "m365"

    def identity(self, record: dict[str, Any]) -> str:
        """`Id`."""
        return str(record["Id"])

    def everyday(self, today: Today, moment: int, row: int) -> bytes:
        """Mail read, a file opened, changed or fetched."""
        seed = today.seed[row]
        upn, _ = self._member(today, row)
        operation = READS[seed >> 7 & 3]
        mail = operation == "MailItemsAccessed"
        more: dict[str, object] = (
            {"MailboxOwnerUPN": upn, "LogonType": 0, "ClientInfoString": "Client=OutlookService;"}
            if mail
            else {"SiteUrl": f"https://{self.common.estate.spec.tenant}/sites/team{seed % 30}/", "SourceFileName": f"plan-{seed % 900}.xlsx", "ItemType": "File", "EventSource": "SharePoint"}
        )  # fmt: skip
        return cloud.unified_audit(
            moment, seed, tenant=self.common.estate.tenant_id, upn=upn, address=OFFICE, operation=operation,
            workload="Exchange" if mail else "SharePoint", record_type=50 if mail else 6, more=more,
        )  # fmt: skip


class TrailStream:
    """One AWS account's trail in S3: a gzip file of records every five minutes."""

    def __init__(self, common: Common, number: int, stream: int) -> None:
        self.common, self.stream = common, stream
        self.account = common.estate.aws[number]
        self.count = 0
        self._open: list[bytes] = []
        self._slot = -1

    def write(self, today: Today, visits: Sequence[Record]) -> None:
        """A day's files."""
        for moment, _, row, fate in in_turn(today, self.stream, visits, self._visit):
            if fate != LOST:
                self._add(moment, self._everyday(today, moment, row))
        self._deliver(self._slot)

    def close(self) -> None:
        """Nothing more comes."""

    def _add(self, moment: int, record: bytes) -> None:
        if moment // QUARTER != self._slot:
            self._deliver(moment // QUARTER)
        self._open.append(record)
        self.count += 1

    def _deliver(self, slot: int) -> None:
        if self._open:
            end = (self._slot + 1) * QUARTER
            stamp = times.seconds_utc(end).decode().replace("-", "").replace(":", "")[:13] + "Z"
            unique = f"{mix(self.common.estate.base('trail', self.account, self._slot)):016x}"
            date = stamp[:4], stamp[4:6], stamp[6:8]
            folder = self.common.root.joinpath("cloud/aws/AWSLogs", self.account, "CloudTrail", REGION, *date)
            folder.mkdir(parents=True, exist_ok=True)
            packer = zlib.compressobj(LEVEL, zlib.DEFLATED, 31)
            data = packer.compress(b'{"Records":[' + b",".join(self._open) + b"]}") + packer.flush()
            (folder / f"{self.account}_CloudTrail_{REGION}_{stamp}_{unique}.json.gz").write_bytes(data)
        self._open, self._slot = [], slot

    def _everyday(self, today: Today, moment: int, row: int) -> bytes:
        seed = today.seed[row]
        service, name = CALLS[seed >> 11 & 7]
        since = moment - moment % (6 * 12 * QUARTER)
        key = cloud.access_key(mix(since ^ seed % 5))
        role = ("app-server", "deploy", "monitoring", "backup", "reporting")[seed % 5]
        identity = cloud.assumed_role(
            self.account, role, f"i-{mix(seed % 50):016x}"[:19], key, since, mfa=False
        )
        return cloud.api_call(
            moment, seed, account=self.account, region=REGION, service=service, name=name, identity=identity,
            address=OFFICE, agent="aws-sdk-go-v2/1.30.3 os/linux lang/go#1.22.5",
        )  # fmt: skip

    def _visit(self, record: Record) -> None:
        body = record.body
        if not isinstance(body, bytes):
            raise RuntimeError("a trail holds its records ready")  # noqa: TRY004 # our own misuse
        kept = fate_of(record.number, self.common.estate) != LOST
        if kept:
            self._add(record.time, body)
        if record.ref is not None:
            self.common.sink.note(record.ref, kept, {"log": "cloudtrail", "id": uuid_of(record.number)})
