from __future__ import annotations

import pytest

from countersign.sources import recognise
from unit.sources.source_lines import event, within


def test_a_product_with_a_family_of_its_own_is_left_to_it() -> None:
    line = b"CEF:0|Fortinet|Fortigate|v7|39947|event:vpn tunnel-up|2|deviceExternalId=F FTNTFGTvd=root act=tunnel-up\n"
    family = recognise(line)
    assert family is not None
    assert family.name == "fortigate"


@pytest.mark.parametrize(
    ("word", "severity"), [("0", 1), ("5", 3), ("8", 4), ("10", 5), ("High", 4), ("?", None)]
)
def test_severity(word: str, severity: int | None) -> None:
    assert within(event("cef", f"CEF:0|V|P|1|9|Name|{word}|src=10.0.0.1"), severity_id=severity, class_uid=0)
