"""Logs of many families in one folder, as they come from clouds and gateways, collected in one go."""

from __future__ import annotations

import gzip
from pathlib import Path

import orjson

from collecting import Ward

GOLDEN = Path(__file__).parents[2] / "golden"


def trail(name: str) -> bytes:
    return (GOLDEN / "aws.cloudtrail" / name).read_bytes()


def test_a_bucket_as_s3_lays_it_out_beside_other_logs(ward: Ward, logs: Path) -> None:
    bucket = logs / "AWSLogs/111111111111"
    (bucket / "CloudTrail/eu-west-1/2026/11/20").mkdir(parents=True)
    (bucket / "CloudTrail-Digest/eu-west-1").mkdir(parents=True)
    (bucket / "CloudTrail/eu-west-1/2026/11/20/a.json.gz").write_bytes(gzip.compress(trail("s3.raw")))
    digest = (GOLDEN / "aws.cloudtrail_digest/digest.raw").read_bytes()
    (bucket / "CloudTrail-Digest/eu-west-1/d.json.gz").write_bytes(gzip.compress(digest))
    (logs / "fortigate.log").write_bytes((GOLDEN / "fortigate/download.raw").read_bytes())
    (logs / "powershell.json").write_bytes(trail("utf16.raw"))
    (logs / "odd.txt").write_bytes(b"what is this\n")
    first = ward.collect(logs)
    assert (first.events, first.rejected, first.unrecognised) == (13 + 1 + 16 + 2, 0, 1)
    assert first.new_events == 13 + 1 + 16  # what PowerShell wrote are two of the bucket's
    (unknown,) = [report.reason for report in first.files if report.status == "unrecognised"]
    assert unknown.endswith("it begins: what is this")
    ward.sound()
    second = ward.collect(logs)
    assert (second.records, second.new_events) == (0, 0)


def test_documents_of_several_segments_give_every_record_once(ward: Ward, logs: Path) -> None:
    own = orjson.loads(trail("s3.raw"))["Records"]
    records = [
        {**own[number % 13], "eventID": f"id-{number}", "padding": "x" * 900} for number in range(4000)
    ]
    (logs / "array.json").write_bytes(orjson.dumps({"Records": records}))
    first = ward.collect(logs)
    assert (first.events, first.new_events, first.segments) == (4000, 4000, 2)
    (logs / "pretty.json").write_bytes(orjson.dumps(records, option=orjson.OPT_INDENT_2))
    (logs / "lines.json").write_bytes(b"\n".join(map(orjson.dumps, records)).decode().encode("utf-16"))
    second = ward.collect(logs)
    assert (second.events, second.rejected, second.new_events) == (8000, 0, 0)
    ward.sound()
