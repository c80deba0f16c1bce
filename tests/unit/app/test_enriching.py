from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from collecting import Ward
from countersign.app.enriching import NOTHING, About, Enricher, said
from countersign.app.report import report_model
from countersign.app.results import Results
from countersign.app.review import review
from countersign.app.workspace import Workspace
from countersign.cli.commands import program
from countersign.errors import InputError
from mmdb import write_mmdb

BOOK = """address,host,name,groups
203.0.113.0/24,,Northwind's office,provider
203.0.113.9,,Northwind's bastion,provider;jump hosts
,LNX1,Database server,crown jewels
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    write_mmdb(
        tmp_path / "country.mmdb",
        {
            "203.0.113.0/24": {"country": {"iso_code": "AT", "names": {"en": "Austria"}}},
            "198.51.100.0/25": {"country": "DE"},
        },
    )
    write_mmdb(
        tmp_path / "asn.mmdb",
        {
            "203.0.113.0/25": {
                "autonomous_system_number": 64496,
                "autonomous_system_organization": "Northwind Networks of Example",
            },
            "198.51.100.0/24": {"asn": "AS64500", "as_name": "Example"},
        },
    )
    (tmp_path / "book.csv").write_text(BOOK)
    return tmp_path


def _of(files: Path) -> Enricher:
    return Enricher(files, "country.mmdb", "asn.mmdb", "book.csv")


def test_country_system_and_the_narrowest_entry_of_the_book(files: Path) -> None:
    about = _of(files).about("203.0.113.9")
    assert about == About(
        "AT", 64496, "Northwind Networks of Example", "Northwind's bastion", ("provider", "jump hosts")
    )
    assert said(about.document()) == (
        "Northwind's bastion, AT, AS64496 Northwind Networks of Example, group provider, jump hosts"
    )
    assert _of(files).about("203.0.113.200").name == "Northwind's office"
    assert _of(files).about("::ffff:203.0.113.9").country == "AT"


def test_databases_of_other_makers(files: Path) -> None:
    about = _of(files).about("198.51.100.7")
    assert (about.country, about.asn, about.network) == ("DE", 64500, "Example")


def test_hosts_by_their_short_name_too(files: Path) -> None:
    assert _of(files).about("lnx1.clinic.example", "lnx1.clinic.example").groups == ("crown jewels",)


@pytest.mark.parametrize("text", ["", "2001:db8::1", "192.0.2.1", "not an address", "203.0.113.9:22"])
def test_what_is_not_known_is_nothing(files: Path, text: str) -> None:
    assert _of(files).about(text) == NOTHING
    assert said(None) == ""


def test_files_that_are_wrong_are_named(files: Path) -> None:
    (files / "bad.mmdb").write_bytes(b"no database")
    for enricher in (
        Enricher(files, "bad.mmdb"),
        Enricher(files, "", "none.mmdb"),
        Enricher(files, book="none.csv"),
    ):
        with pytest.raises(InputError, match="remedy"):
            enricher.about("203.0.113.9")
    (files / "bad.csv").write_text("address,host,name,groups\n203.0.113.9,,a,\n203.0.113.1/24,,b,\n")
    with pytest.raises(InputError) as raised:
        Enricher(files, book="bad.csv").about("203.0.113.9")
    assert raised.value.line == 3
    (files / "bad.csv").write_text("ip;name\n")
    with pytest.raises(InputError, match="header"):
        Enricher(files, book="bad.csv").about("203.0.113.9")


@pytest.fixture
def reviewed(ward: Ward, logs: Path) -> Workspace:
    root = ward.workspace.root
    (root / "agreements" / "northwind.yaml").write_text(
        "version: 1\n"
        "provider: {id: northwind, name: Northwind}\n"
        "zone: Europe/London\n"
        "identities: [{name: Jane Doe, accounts: [jane]}]\n"
        "origins: [203.0.113.0/24]\n"
    )
    (logs / "auth.log").write_text(
        "2026-11-10T10:00:00+00:00 lnx1 sshd[7]: Accepted password for jane from 203.0.113.9 port 5 ssh2\n"
    )
    ward.collect(logs)
    review(ward.workspace)
    return ward.workspace


def _configured(workspace: Workspace, files: Path) -> Workspace:
    config = workspace.root / "countersign.toml"
    text = config.read_text()
    for name, path in (("country", "country.mmdb"), ("asn", "asn.mmdb"), ("book", "book.csv")):
        assert f'{name} = ""' in text
        text = text.replace(f'{name} = ""', f'{name} = "{files / path}"')
    config.write_text(text)
    return Workspace.open(workspace.root)


def test_visits_report_and_json_say_it_and_events_do_not(reviewed: Workspace, files: Path) -> None:
    (before,) = Results.open(reviewed).visits()
    assert before["hops"][0]["source_about"] is None
    workspace = _configured(reviewed, files)
    run = CliRunner().invoke
    said_ = run(program, ["-C", str(workspace.root), "visit", before["id"], "--json"])
    (hop,) = json.loads(said_.output)["hops"]
    assert hop["source_about"]["country"] == "AT"
    assert hop["target_about"]["groups"] == ["crown jewels"]
    shown = run(program, ["-C", str(workspace.root), "visit", before["id"]]).output
    assert "AS64496" in shown
    assert "crown jewels" in shown
    model = report_model(workspace, None, None)
    assert "(Northwind's bastion, AT, " in model.visits[0].hops[0].source
    with workspace.reading() as lake:
        assert "bastion" not in str(lake.table("events").to_pyarrow().to_pylist())
