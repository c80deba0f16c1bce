"""Digest files of AWS CloudTrail: which log files a trail delivered in an hour, with their hashes, signed by AWS.

For an auditor they are the proof that no log file is missing or changed, and they are no events of anybody's: they are kept
and counted apart, so that a folder collected as S3 lays it out is read whole. The signature stands in the object's metadata
and is not in the file; `aws cloudtrail validate-logs` checks it against AWS.

Reference: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html.
"""

from __future__ import annotations

from countersign.sources._family import Family, has
from countersign.sources._json import json_source
from countersign.sources._mapping import What
from countersign.sources._times import iso

FAMILY = Family(
    name="aws.cloudtrail_digest",
    title="AWS CloudTrail digest files",
    page="aws",
    product="CloudTrail",
    vendor="AWS",
    match=has("digestStartTime", "digestEndTime", "digestS3Object"),
    time=(iso("digestEndTime"),),
    what=What(
        columns={
            "cloud.account.uid": "awsAccountId",
            "resources.uid": "digestS3Object",
            "metadata.uid": "digestS3Object",
            "file.hashes": "previousDigestHashValue",
        },
        constants={"cloud.provider": "AWS"},
    ),
    key=("digestS3Bucket", "digestS3Object"),
    log="=CloudTrail-Digest",
)
SOURCE = json_source(FAMILY)
