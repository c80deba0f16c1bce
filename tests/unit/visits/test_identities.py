"""Accounts that an agreement declares by something else than their name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agreement_cases import agreement, verdicts
from countersign.agreements import Resolver
from countersign.app.agreements import Subjects
from countersign.model.visit import Visit
from countersign.visits import Claimed, stitch
from story import Story

GOLDEN = Path(__file__).parents[2] / "golden"
JANE = "SHA256:" + "uNiVztksCsDhcc0u9e8BrrJXVUf6ABhGlzSQ1EPqzz0"
JOHN = "SHA256:" + "kzfjfps/WFgXAdNgzvHBLuI072Y+f+91rpinXJAAvkM"
STAFF = "SHA256:" + "0" * 43


def ssh(story: Story, at: float, process: int, key: str | None, port: int, *, opens: bool = True) -> None:
    """One line of sshd about root on app01."""
    story.add(
        at,
        {
            "class_uid": 3002,
            "activity_id": 1 if opens else 2,
            "status_id": 1,
            "metadata.product": "OpenSSH",
            "metadata.log_name": "sshd",
            "device.hostname": "app01",
            "user.name": "root",
            "user.credential_uid": key,
            "session.uid": f"sshd:{process}",
            "src_endpoint.ip": "203.0.113.7",
            "src_endpoint.port": port,
        },
    )


def roots() -> Story:
    """Three people come as root, each with a key of their own."""
    story = Story()
    for number, key in enumerate((JANE, JOHN, STAFF)):
        ssh(story, 3600 * number, 100 + number, key, 40_000 + number)
        ssh(story, 3600 * number + 600, 100 + number, None, 40_000 + number, opens=False)
    return story


def visits(story: Story, *identities: dict[str, Any]) -> tuple[Visit, ...]:
    """As the agreement that declares these identities has them."""
    return stitch(story.table(), Subjects(Resolver([agreement(identities=list(identities))])), lambda _: 7)


def test_who_comes_as_root_is_told_by_the_key() -> None:
    jane, john = {"name": "Jane Doe", "accounts": [JANE]}, {"name": "John Roe", "accounts": [JOHN]}
    made = visits(roots(), jane, john)
    assert [visit.person for visit in made] == ["Jane Doe", "John Roe"]
    for visit, key in zip(made, (JANE, JOHN), strict=True):
        (hop,) = visit.hops
        assert (hop.account, hop.account_uid, hop.protocol) == ("root", key, "ssh")
        assert hop.end is not None
        assert verdicts(agreement(identities=[jane, john]), visit)["identity.known"].verdict == "kept"


def test_a_shared_account_is_told_apart_by_its_keys() -> None:
    shared = {"name": "On call", "accounts": ["root"], "shared": True}
    made = visits(roots(), shared, {"name": "Jane Doe", "accounts": [JANE]})
    assert [visit.person for visit in made] == ["Jane Doe", "On call", "On call"]


def test_a_role_that_is_declared_by_its_arn_is_followed_by_its_sessions() -> None:
    story = Story()
    for at, who in ((0, "role/Acme-Admin"), (60, "role/Own-Admin")):
        name = who.rpartition("/")[2]
        story.add(
            at,
            {
                "class_uid": 6003,
                "activity_id": 1,
                "status_id": 1,
                "metadata.product": "CloudTrail",
                "api.operation": "ListUsers",
                "cloud.account.uid": "111111111111",
                "actor.user.name": name,
                "actor.user.domain": "111111111111",
                "actor.user.uid": f"arn:aws:sts::111111111111:assumed-role/{name}/x",
                "actor.session.uid": f"ASIA{name}",
                "src_endpoint.ip": "192.0.2.9",
            },
        )
    role = {"name": "Jane Doe", "accounts": ["arn:aws:iam::111111111111:role/Acme-Admin"]}
    (visit,) = visits(story, role)
    (hop,) = visit.hops
    assert (visit.person, hop.account) == ("Jane Doe", "111111111111\\Acme-Admin")
    assert verdicts(agreement(identities=[role]), visit)["identity.known"].verdict == "kept"


@pytest.mark.parametrize(
    "product", ["beyondtrust", "cyberark", "delinea", "guacamole.history", "teleport", "wallix"]
)
def test_a_persons_name_at_a_bastion_is_the_one_that_the_agreement_declares(product: str) -> None:
    eva = {"name": "Eva Meyer", "accounts": ["ext-meyer", "ext.meyer"]}
    subjects = Subjects(Resolver([agreement(identities=[eva])]))
    rows = [
        json.loads(line)
        for file in sorted((GOLDEN / product).glob("*.events.jsonl"))
        for line in file.read_text("utf-8").splitlines()
    ]
    found = {
        subjects.who(*(row.get(f"{role}.{column}", "") for column in ("name", "domain", "uid")))
        for row in rows
        for role in ("user", "actor.user")
        if row["class_uid"] == 3002
    }
    assert found - {None} == {Claimed("acme", "Eva Meyer")}
