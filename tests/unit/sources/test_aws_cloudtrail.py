from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from countersign.sources import HEAD_BYTES, recognise, source
from countersign.sources._framing import frame
from unit.sources.source_lines import context, event, within

ROLE = {
    "type": "AssumedRole",
    "arn": "arn:aws:sts::1:assumed-role/Admin/kim",
    "accountId": "1",
    "accessKeyId": "ASIA7",
    "sessionContext": {
        "sessionIssuer": {"userName": "Admin", "arn": "arn:aws:iam::1:role/Admin"},
        "attributes": {"mfaAuthenticated": "false"},
    },
}


def call(service: str, name: str, **more: Any) -> dict[str, Any]:
    record = {
        "eventTime": "2026-11-20T10:00:00Z", "eventSource": f"{service}.amazonaws.com", "eventName": name,
        "eventID": "e1", "recipientAccountId": "1", "sourceIPAddress": "198.51.100.7", "userIdentity": ROLE,
    }  # fmt: skip
    return event("aws.cloudtrail", orjson.dumps(record | more))


def test_a_role_taken_and_what_was_done_with_its_key_share_a_session() -> None:
    taken = call(
        "sts", "AssumeRole", userIdentity={"type": "AWSAccount", "accountId": "2", "principalId": "AIDA"},
        requestParameters={"roleArn": "arn:aws:iam::1:role/Admin", "roleSessionName": "Kim@x.example", "serialNumber": "arn:mfa"},
        responseElements={"credentials": {"accessKeyId": "ASIA7"}},
    )  # fmt: skip
    assert within(
        taken, class_uid=3002, activity_id=1, status_id=1, session__uid="ASIA7", user__name="Admin", user__domain="1",
        user__email_addr="kim@x.example", actor__user__name="2", actor__user__org__uid="2", metadata__tenant_uid="1", is_mfa=True,
    )  # fmt: skip
    done = call("ec2", "RunInstances")
    assert within(
        done, class_uid=6003, activity_id=1, actor__session__uid="ASIA7", actor__user__name="Admin", actor__user__domain="1",
        actor__user__full_name="kim", actor__session__issuer="arn:aws:iam::1:role/Admin",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "used", "answer"),
    [
        ("IAMUser", "Yes", True),
        ("IAMUser", "No", False),
        ("Root", "No", False),
        ("AssumedRole", "No", None),
        ("SAMLUser", "Yes", True),
    ],
)
def test_mfa_is_believed_where_aws_asked_for_it(kind: str, used: str, answer: bool | None) -> None:
    found = call(
        "signin", "ConsoleLogin", userIdentity={"type": kind, "userName": "bob", "accountId": "1"},
        additionalEventData={"MFAUsed": used}, responseElements={"ConsoleLogin": "Success"},
    )  # fmt: skip
    assert within(found, is_mfa=answer, class_uid=3002, status_id=1)


def test_a_session_of_a_role_cannot_tell_of_mfa() -> None:
    assert within(call("s3", "ListBuckets"), actor__session__is_mfa=None)


@pytest.mark.parametrize(
    ("sentence", "role"),
    [
        ("User: arn:aws:iam::1:user/bob is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::2:role/A", "arn:aws:iam::2:role/A"),
        ("User: x is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::2:role/A because no policy allows it", "arn:aws:iam::2:role/A"),
        ("Access denied", None),
    ],
)  # fmt: skip
def test_a_refusal_names_the_role_that_was_wanted(sentence: str, role: str | None) -> None:
    refused = call(
        "sts", "AssumeRole", requestParameters=None, errorCode="AccessDenied", errorMessage=sentence
    )
    assert within(refused, class_uid=3002, status_id=2, resources__uid=role, actor__user__name="Admin")


def test_failures_and_sources_that_are_no_address() -> None:
    failed = call(
        "iam",
        "CreateUser",
        errorCode="AccessDenied",
        errorMessage="no",
        sourceIPAddress="cloudformation.amazonaws.com",
    )
    assert within(
        failed,
        class_uid=3001,
        status_id=2,
        status_code="AccessDenied",
        src_endpoint__hostname="cloudformation.amazonaws.com",
    )
    assert within(
        call("kms", "Decrypt", sourceIPAddress="AWS Internal"), src_endpoint__hostname=None, activity_id=99
    )


def test_fields_keep_their_names() -> None:
    found = call("cloudtrail", "StopLogging", requestParameters={"name": "main"})
    assert found["unmapped"]["eventSource"] == "cloudtrail.amazonaws.com"
    assert found["unmapped"]["requestParameters.name"] == "main"
    assert found["unmapped"]["userIdentity.sessionContext.sessionIssuer.userName"] == "Admin"


def test_wrapped_and_plain_are_one_event() -> None:
    plain = orjson.loads((Path(__file__).parents[2] / "golden/aws.cloudtrail/s3.raw").read_bytes())[
        "Records"
    ][0]
    bridged = {"version": "0", "detail-type": "AWS API Call via CloudTrail", "detail": plain}
    assert (
        event("aws.cloudtrail", orjson.dumps(plain))["id"]
        == event("aws.cloudtrail", orjson.dumps(bridged))["id"]
    )


@pytest.mark.parametrize("value", [None, [], {}, 7, "x", [{}], True, {"a": [1, {"b": None}]}])
@pytest.mark.parametrize(
    "name",
    [
        "userIdentity",
        "eventTime",
        "requestParameters",
        "responseElements",
        "resources",
        "eventID",
        "errorCode",
        "sourceIPAddress",
    ],
)
def test_any_value_anywhere_gives_an_event(name: str, value: Any) -> None:
    record = {"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", name: value}
    parsed = source("aws.cloudtrail").parse([orjson.dumps(record)], context())
    assert parsed.events.num_rows == 1


def test_reads_the_shared_trails(shared_data: Path) -> None:
    files = [
        *(shared_data / "cloud/stratus").glob("*.json"),
        *(shared_data / "cloud/aws-incident").rglob("*.json"),
    ]
    files += (shared_data / "syslog/crowdsec").glob("aws*/*.log")
    assert len(files) > 80
    events = 0
    for path in files:
        raw = path.read_bytes()
        family = recognise(raw[:HEAD_BYTES])
        assert family is not None, path
        assert family.name == "aws.cloudtrail", path
        parsed = family.parse(frame(family.framing, raw), context())
        assert parsed.rejected.num_rows == 0, path
        assert parsed.events["time"].null_count == 0, path
        events += parsed.events.num_rows
    assert events > 3_000


def test_reads_the_shared_samples(shared_data: Path) -> None:
    lines = (shared_data / "cloud/events/AWS.CloudTrail.jsonl").read_bytes().splitlines()
    logs = [orjson.loads(line)["log"] for line in lines]
    own = [orjson.dumps(log) for log in logs if "eventName" in log and "eventSource" in log]
    parsed = source("aws.cloudtrail").parse(own, context())
    assert parsed.rejected.num_rows == 0
    assert parsed.events.num_rows + parsed.duplicates == len(own)
