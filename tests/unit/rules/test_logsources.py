from __future__ import annotations

import pytest

from countersign.errors import RuleError
from countersign.rules import Claim, Where, load_logsources, with_claims
from countersign.sources import sources


def test_process_creation_is_sysmon_or_security() -> None:
    table = load_logsources()
    sysmon, security = table.find("windows", "process_creation", None)
    assert all(w.holds("windows.evtx", "microsoft-windows-sysmon/operational", "", "1") for w in sysmon.where)
    assert all(w.holds("windows", "security", "", "4688") for w in security.where)
    assert table.renames[security.rename].fields["image"] == "NewProcessName"


def test_category_and_service_must_both_hold() -> None:
    table = load_logsources()
    meanings = table.find("windows", "process_creation", "sysmon")
    kinds = [
        ("windows", "microsoft-windows-sysmon/operational", "", "1"),
        ("windows", "security", "", "4688"),
    ]
    taken = [[all(w.holds(*kind) for w in meaning.where) for kind in kinds] for meaning in meanings]
    assert any(row[0] for row in taken)
    assert not any(row[1] for row in taken)


def test_without_a_product_every_product_counts() -> None:
    products = {meaning.where[0].source for meaning in load_logsources().find(None, "dns", None)}
    assert products == {("zeek",), ("windows_dns",)}


@pytest.mark.parametrize(
    ("product", "category", "service"),
    [("macos", "process_creation", None), ("windows", "nothing", None), ("windows", None, "nothing")],
)
def test_what_we_do_not_have_is_empty(product: str, category: str | None, service: str | None) -> None:
    assert load_logsources().find(product, category, service) == ()


def test_a_family_is_no_prefix_of_another() -> None:
    where = Where(source=("windows",))
    assert where.holds("windows.evtx", "", "", "")
    assert not where.holds("windowsill", "", "", "")


@pytest.mark.parametrize(
    "text", ["[product.x]\n", "[", "[product.x]\nsource=['x']\n[product.x.category]\na=[{rename='no'}]"]
)
def test_a_bad_table_is_one_error(text: str) -> None:
    with pytest.raises(RuleError):
        load_logsources(text)


def test_a_product_waits_exactly_while_no_reader_is_here() -> None:
    """Whoever adds a reader takes the mark away."""
    families = {one.name for one in sources()}
    table = load_logsources()
    for product, where in table.products.items():
        read = any(
            family == name or family.startswith(name + ".") for name in where.source for family in families
        )
        assert read != (product in table.waiting), f"logsources.toml, `waiting` of product {product}"


def test_what_waits_is_marked_and_found() -> None:
    table = load_logsources("[product.x]\nsource=['x']\nwaiting=true\n[product.x.service]\na=[{log=['a']}]")
    (meaning,) = table.find("x", None, "a")
    assert meaning.waiting
    assert all(where.holds("x.y", "a", "", "") for where in meaning.where)
    assert not any(one.waiting for one in load_logsources().find("windows", None, "security"))


def test_an_entry_may_wait_by_itself() -> None:
    table = load_logsources(
        "[product.x]\nsource=['x']\n[product.x.service]\na=[{log=['a'], waiting=true}]\nb=[{}]"
    )
    assert [one.waiting for name in "ab" for one in table.find("x", None, name)] == [True, False]


def test_claims_of_further_families_leave_the_others_what_they_meant() -> None:
    text = """
    [product.linux]
    source = ["syslog", "linux"]
    [product.linux.service]
    sshd = [{ log = ["sshd"] }]
    [product.linux.category]
    process_creation = [{}]
    """
    table = with_claims(
        load_logsources(text),
        [
            Claim("custom.door", product="linux", service="door"),
            Claim("custom.proxy", category="proxy", fields={"c-uri": "url"}),
        ],
    )

    def takes(event: tuple[str, str, str, str], *asked: str | None) -> bool:
        return any(all(where.holds(*event) for where in one.where) for one in table.find(*asked))

    door, proxy, host = (
        ("custom.door", "", "", ""),
        ("custom.proxy", "", "", ""),
        ("linux.auditd", "", "", ""),
    )
    assert takes(door, "linux", None, "door")
    assert takes(door, "linux", None, None)
    assert not takes(door, "linux", "process_creation", None)
    assert takes(host, "linux", "process_creation", None)
    assert not takes(host, "linux", None, "door")
    assert takes(proxy, None, "proxy", None)
    assert not takes(proxy, "windows", "proxy", None)
    assert [one.rename for one in table.find(None, "proxy", None)] == ["custom.proxy"]
    assert table.renames["custom.proxy"].fields == {"c-uri": "url"}
