"""The matcher against one that takes the specification by its word: every event, every place, every term, one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from countersign.rules.indicators import Draft, IndicatorSet, Kind, Side, Term, term
from countersign.rules.indicators.places import Place, Shape, places
from indicator_cases import batch_of, matched, table_of

START = datetime(2026, 3, 1, tzinfo=UTC)
Case = tuple[list[Draft], list[dict[str, Any]]]

# --- what there is: few values, so that they meet

ADDRESSES = [
    "198.51.100.7",
    "198.51.100.9",
    "198.51.101.7",
    "10.0.0.1",
    "2001:db8::7",
    "2001:db8:1::7",
    "::1",
]
NAMES = ["evil.example", "a.evil.example", "a.b.evil.example", "notevil.example", "example", "b.example"]
FILES = ["bad.exe", "bäd.exe", "d.exe", "bad.exe.txt"]
DIGITS = {Kind.MD5: 32, Kind.SHA1: 40, Kind.SHA256: 64, Kind.IMPHASH: 32}

addresses = st.sampled_from(ADDRESSES)
networks = st.sampled_from(
    [*ADDRESSES, "198.51.100.0/24", "198.51.100.8/30", "198.51.0.0/16", "0.0.0.0/0", "2001:db8::/32", "::/0", "::/64",
     "2001:db8::/33"]
)  # fmt: skip
names = st.sampled_from(NAMES)
urls = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["http://", "https://", "HTTP://user:pw@", ""]),
    st.sampled_from([*NAMES, "198.51.100.7", "[2001:db8::7]", "Evil.Example"]),
    st.sampled_from(["", ":80", ":443", ":8080"]),
    st.sampled_from(["", "/", "/x", "/X", "/x?y=1", "?y=1", "/x#f", "#f"]),
)
digests = st.sampled_from(list(DIGITS)).flatmap(
    lambda kind: st.tuples(st.just(kind), st.sampled_from("ab").map(lambda digit: digit * DIGITS[kind]))
)


def terms() -> st.SearchStrategy[Term]:
    sides = st.sampled_from([Side.ANY, Side.ANY, Side.ANY, Side.SOURCE, Side.DESTINATION])
    return st.one_of(
        st.builds(term, st.just(Kind.ADDRESS), networks, sides),
        st.builds(term, st.just(Kind.DOMAIN), names, sides),
        st.builds(term, st.just(Kind.URL), urls),
        st.builds(term, st.just(Kind.FILE), st.sampled_from(FILES)),
        st.builds(term, st.just(Kind.PATH), st.sampled_from([r"c:\t\bad.exe", "/tmp/bad.exe"])),  # noqa: S108
        st.builds(term, st.just(Kind.MUTEX), st.sampled_from([r"Global\Foo", "foo"])),
        st.builds(term, st.just(Kind.EMAIL), st.sampled_from(["eve@evil.example", "Bob@b.example"])),
        st.builds(term, st.just(Kind.PORT), st.sampled_from(["443", "80"]), sides),
        digests.map(lambda pair: term(*pair)),
    )


def cased(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(strategy, st.sampled_from([str, str.upper])).map(lambda pair: pair[1](pair[0]))


HASH_TEXTS = st.lists(digests, max_size=3).map(
    lambda pairs: ",".join(f"{kind.value.upper()}={digits.upper()}" for kind, digits in pairs)
)
TEXTS: dict[Shape, st.SearchStrategy[str]] = {
    Shape.ONE: st.one_of(addresses, cased(names), names.map(lambda name: name + "."), st.just("::ffff:198.51.100.7"),
                         st.sampled_from(["Eve@Evil.example", "443", "80", "-", "", "fe80::1%eth0"])),
    Shape.LIST: st.lists(st.one_of(addresses, names, st.just("bob@B.example")), max_size=3).map(", ".join),
    Shape.ANSWERS: st.lists(
        st.one_of(addresses, names.map("type:  5 {}".format), st.just("::ffff:198.51.100.9")), max_size=3
    ).map(lambda parts: "".join(part + ";" for part in parts)),
    Shape.HASHES: st.one_of(HASH_TEXTS, digests.map(lambda pair: pair[1].upper())),
    Shape.PATH: st.sampled_from([r"C:\T\BAD.exe", "bad.exe", "/tmp/bad.exe", "C:/t\\bÄd.EXE", "\\", "x/bad.exe/", "D.exe"]),  # noqa: S108
    Shape.COMMAND: st.sampled_from(
        [r'"C:\T\bad.exe" -k x', r"C:\T\bad.exe -k bad", r"C:\T\x\d.exe", "bad.exe", r'"c:\a b\bad.exe.txt"', "cmd /c bad.exe"]
    ),
    Shape.OBJECT: st.sampled_from([r"\Sessions\1\BaseNamedObjects\Foo", r"\BaseNamedObjects\foo", r"\REGISTRY\Foo"]),
    Shape.URL: urls,
}  # fmt: skip


def telling(wanted: Term, place: Place) -> st.SearchStrategy[str]:
    """Texts that hold the term, or nearly."""
    value = wanted.value.partition("/")[0] if wanted.kind is Kind.ADDRESS else wanted.value
    match place.shape:
        case Shape.HASHES:
            return st.sampled_from(
                [value.upper(), f"MD5={value}", f"X=1,{wanted.kind.upper()}={value.upper()}"]
            )
        case Shape.OBJECT:
            return st.sampled_from([rf"\BaseNamedObjects\{value}", rf"\Sessions\2\BaseNamedObjects\{value}"])
        case Shape.PATH | Shape.COMMAND:
            return st.sampled_from([value, rf"C:\x\{value}", value.upper(), value.replace("\\", "/")])
        case Shape.URL:
            host = f"[{value}]" if ":" in value and wanted.kind is Kind.ADDRESS else value
            return st.sampled_from([f"http://{host}", f"https://{host}:8080/x", f"http://a.{host}/?q", host])
        case Shape.LIST:
            return st.sampled_from([f"x,{value}", f"{value}, y", value])
        case Shape.ONE if wanted.kind is Kind.ADDRESS:
            return st.sampled_from([value, f"{value}%1", f"{value}.1"])
        case Shape.ANSWERS:
            return st.sampled_from([f"type:  5 {value};x;", f"::1;{value};"])
        case _:
            return st.sampled_from([value, f"a.{value}", value.upper()])


@st.composite
def events(draw: st.DrawFn, found: list[Draft]) -> dict[str, Any]:
    event: dict[str, Any] = {}
    wanted = [one for draft in found for clause in draft.clauses for one in clause]
    for one in draw(st.lists(st.sampled_from(wanted), min_size=1, max_size=6)):
        fitting = [place for place in places() if one.kind in place.kinds]
        place = draw(st.sampled_from(fitting))
        if place.kinds == {Kind.PORT}:
            event[place.column] = draw(st.sampled_from([443, 80]))
        else:
            event[place.key or place.column] = draw(telling(one, place) | TEXTS[place.shape])
    offset = draw(st.sampled_from([1, 1, 1, None, 0, 2, 3]))
    event["time"] = None if offset is None else START + timedelta(days=offset)
    return event


@st.composite
def drafts(draw: st.DrawFn, key: str) -> Draft:
    clauses = draw(
        st.lists(st.lists(terms(), min_size=1, max_size=3, unique=True).map(tuple), min_size=1, max_size=2)
    )
    begin, end = draw(st.sampled_from([None, 1])), draw(st.sampled_from([None, 2]))
    return Draft(
        key,
        tuple(clauses),
        valid_from=None if begin is None else START + timedelta(days=begin),
        valid_until=None if end is None else START + timedelta(days=end),
        revoked=draw(st.integers(0, 9)) == 9,
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Draft], list[dict[str, Any]]]:
    """Indicators, and events that have something to do with them."""
    found = [draw(drafts(f"k{number}")) for number in range(draw(st.integers(2, 6)))]
    return found, draw(st.lists(events(found), min_size=2, max_size=6))


# --- the slow way


def whole_address(text: str) -> Any:
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def is_address(wanted: str, text: str) -> bool:
    found, network = whole_address(text), ip_network(wanted)
    if found is None:
        return False
    if found.version == network.version:
        return found in network
    # IPv4 is a part of IPv6
    return network.version == 6 and IPv6Address(f"::ffff:{found}") in network


def is_domain(wanted: str, text: str) -> bool:
    labels, ask = text.lower().rstrip(".").split("."), wanted.split(".")
    return labels[-len(ask) :] == ask


def url_parts(text: str) -> tuple[str, str]:
    """Host with port, and the rest, as in `terms.url_key`."""
    parts = urlsplit(text if "://" in text else "//" + text)
    host = parts.netloc.rpartition("@")[2].lower()
    for port in (":80", ":443"):
        host = host.removesuffix(port)
    return host, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def bare_host(host: str) -> str:
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def plain(wanted: Term, text: str) -> bool:
    match wanted.kind:
        case Kind.ADDRESS:
            return is_address(wanted.value, text)
        case Kind.DOMAIN:
            return is_domain(wanted.value, text)
        case Kind.EMAIL:
            return text.lower().strip(" <>") == wanted.value
        case _:
            return text == wanted.value


def path(wanted: Term, text: str) -> bool:
    straight = text.replace("/", "\\").lower()
    return wanted.value == (straight if wanted.kind is Kind.PATH else straight.rpartition("\\")[2])


def program(text: str) -> str:
    text = text.strip()
    if text.startswith('"'):
        return text[1:].partition('"')[0]
    words = text.split(" ")
    for count in range(1, len(words) + 1):
        if " ".join(words[:count]).lower().endswith((".exe", ".bat", ".cmd", ".dll")):
            return " ".join(words[:count])
    return words[0]


def digest(wanted: Term, text: str) -> bool:
    for piece in text.lower().split(","):
        label, equals, value = piece.strip().partition("=")
        bare = {32: "md5", 40: "sha1", 64: "sha256"}.get(len(label)) if not equals else label
        if bare == wanted.kind.value and wanted.value == (value if equals else label):
            return True
    return False


def url(wanted: Term, text: str) -> bool:
    host, rest = url_parts(text)
    if not host:
        return False
    if wanted.kind is Kind.URL:
        return host + rest == wanted.value
    return plain(wanted, bare_host(host))


def holds(wanted: Term, place: Place, text: str) -> bool:  # noqa: PLR0911  # one answer a shape
    if wanted.kind not in place.kinds or wanted.side not in {Side.ANY, place.side}:
        return False
    match place.shape:
        case Shape.LIST:
            return any(plain(wanted, part.strip()) for part in text.split(","))
        case Shape.ANSWERS:
            return any(plain(wanted, part.replace("type:  5 ", "").strip()) for part in text.split(";"))
        case Shape.HASHES:
            return digest(wanted, text)
        case Shape.PATH:
            return path(wanted, text)
        case Shape.COMMAND:
            return path(wanted, program(text))
        case Shape.OBJECT:
            return "\\BaseNamedObjects\\" in text and text.rpartition("\\")[2] == wanted.value
        case Shape.URL:
            return url(wanted, text)
        case _:
            return plain(wanted, text)


def slowly(found: list[Draft], rows: list[dict[str, Any]]) -> set[tuple[int, str]]:
    hits = set()
    for number, event in enumerate(rows):
        texts = [
            (place, str(event[place.key or place.column]))
            for place in places()
            if event.get(place.key or place.column) is not None
        ]
        time = event["time"]
        for draft in found:
            early = draft.valid_from is not None and time is not None and time < draft.valid_from
            late = draft.valid_until is not None and time is not None and time >= draft.valid_until
            if draft.revoked or early or late:
                continue
            if any(
                all(any(holds(one, place, text) for place, text in texts) for one in clause)
                for clause in draft.clauses
            ):
                hits.add((number, draft.key))
    return hits


@given(cases())
def test_agrees_with_the_slow_matcher(case: Case) -> None:
    found, rows = case
    indicators = IndicatorSet({"test": table_of(found)})
    assert matched(indicators, batch_of(rows)) == slowly(found, rows)


def test_the_cases_are_worth_trying() -> None:
    met = {Kind(kind): 0 for kind in Kind}

    @settings(database=None, max_examples=100)
    @seed(1)
    @given(cases())
    def count(case: Case) -> None:
        found, rows = case
        terms_of = {draft.key: draft.clauses for draft in found}
        for _, key in slowly(found, rows):
            for one in {one for clause in terms_of[key] for one in clause}:
                met[one.kind] += 1

    count()
    assert min(met.values()) >= 1, met


@given(cases(), st.integers(1, 3))
def test_batches_and_order_make_no_difference(case: Case, size: int) -> None:
    found, rows = case
    indicators = IndicatorSet({"test": table_of(found)})
    again = IndicatorSet({"test": table_of(found[::-1])})
    assert indicators.fingerprint == again.fingerprint
    whole = batch_of(rows)
    parts = set()
    for first in range(0, len(rows), size):
        parts |= {(row + first, key) for row, key in matched(again, whole.slice(first, size))}
    assert parts == matched(indicators, whole)


@given(cases(), st.data())
def test_some_give_what_they_give_among_all(case: Case, data: st.DataObject) -> None:
    found, rows = case
    indicators = IndicatorSet({"test": table_of(found)})
    chosen = data.draw(st.lists(st.sampled_from(range(len(indicators))), unique=True))
    keys = {indicators.indicator(index).key for index in chosen}
    batch = batch_of(rows)
    expected = {pair for pair in matched(indicators, batch) if pair[1] in keys}
    assert matched(indicators.only(chosen), batch) == expected


@given(cases())
def test_flat_leaves_are_as_good_as_structs(case: Case) -> None:
    found, rows = case
    indicators = IndicatorSet({"test": table_of(found)})
    batch = batch_of(rows)
    names = sorted(indicators.needed_leaves())
    if names:
        columns = []
        for name in names:
            head, *rest = name.split(".")
            column = batch.column(head)
            for part in rest:
                column = pc.struct_field(column, part)
            columns.append(column)
        flat = pa.RecordBatch.from_arrays(columns, names=names)
        assert matched(indicators, flat) == matched(indicators, batch)
