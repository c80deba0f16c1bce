"""The slow evaluator of the specification's words agrees with the engine, on rules and events that Hypothesis makes over
the whole grammar and its borders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pyarrow as pa
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from countersign.model.schema import source_columns
from countersign.rules import compile_rules
from countersign.rules.explain import Part
from countersign.rules.load import _Loader
from sigma_reference import Reference, meanings, rule_in, table

FIELDS = ("CommandLine", "Image", "Oddity", "other field")
"""Two with a column of their own, two in the map."""
LETTERS = "abAB-/ \\.1ßSsİıKſ*?%\n\0é"
"""Casefolding borders (sharp s, Turkish i, Kelvin sign, long s), wildcards, line ends, null bytes."""
TEXT = st.text(LETTERS, max_size=5)
VALUES = TEXT | st.sampled_from(
    [
        "",
        "10.0.0.1",
        "192.168.1.9",
        "::1",
        "::ffff:10.1.1.1",
        "fe80::1%eth0",
        "5",
        "5.0",
        "05",
        "0x5",
        "-2",
        "+5",
        "5e0",
        "true",
        "aGVsbG8=",
        "xxhhZ",
        "YQBi",
        "AGEAYg==",
        "//5hAGIA",
        "a\nb",
        "b\n",
        "–a",
        "%A%",
        "a" * 300 + "b",
        "2026-03-29T01:30:00Z",
        "2026-01-01 00:00:00",
        "2025-12-29T23:59:59.9999999+01:00",
        "1767225600",
        "0001-01-01T00:00:00+23:00",
    ]
)
EVENTS = st.lists(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4), max_size=8)
LISTS = {"a": ("a", "B*", "1"), "none": ()}

PATTERN = st.lists(
    st.sampled_from(
        [
            "a",
            "B",
            "ab",
            "*",
            "?",
            "\\*",
            "\\?",
            "\\\\",
            "\\",
            "-",
            " /a",
            "ß",
            "1",
            "İ",
            "ı",
            "k",
            "s",
            "\n",
            "\0",
            "é",
        ]
    ),
    max_size=4,
).map("".join)
ENCODED = st.sampled_from(["a", "ab", "hell", "hello"])
DASHED = st.sampled_from([" -a", "/a", "a-b", "- a", "-a*", "-a -b", "_-a"])
REGEX = st.sampled_from(
    [
        "a",
        "^a",
        "b$",
        "[aB]b",
        "a.b",
        r"\s",
        "(?:a|bb)+",
        "x*",
        r"\.1",
        "^$",
        "^b",
        "a$|b$",
        "[$*]",
        r"\*",
        "b$|^1",
    ]
)
EXPANDED = st.sampled_from(["%a%", "x%A%", "\\%b%a%", "C:\\%a%", "%none%", "%a%%a%", "a"])
KEYS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(
        [
            "",
            "|contains",
            "|startswith",
            "|endswith",
            "|cased",
            "|contains|cased",
            "|endswith|cased",
            "|startswith|cased",
        ],
        PATTERN,
    ),
    **dict.fromkeys(["|neq", "|contains|neq", "|neq|all", "|contains|all|neq", "|cased|neq"], PATTERN),
    **dict.fromkeys(
        ["|all", "|contains|all", "|startswith|all", "|endswith|all", "|contains|cased|all"], PATTERN
    ),
    **dict.fromkeys(["|contains|windash", "|windash", "|windash|contains|all", "|endswith|windash"], DASHED),
    **dict.fromkeys(
        [
            "|base64",
            "|base64offset|contains",
            "|wide|base64",
            "|wide|base64offset|contains",
            "|utf16le|base64",
            "|utf16le|base64offset|contains",
            "|utf16be|base64",
            "|utf16be|base64offset|contains",
            "|utf16|base64",
            "|utf16|base64offset|contains",
            "|base64|cased",
            "|base64offset|contains|all",
            "|wide",
        ],
        ENCODED,
    ),
    **dict.fromkeys(
        [
            "|re",
            "|re|i",
            "|re|m",
            "|re|s",
            "|re|i|m",
            "|re|ignorecase",
            "|re|multiline",
            "|re|dotall",
            "|re|all",
        ],
        REGEX,
    ),
    **dict.fromkeys(["|re|startswith", "|re|endswith", "|re|contains", "|re|neq"], REGEX),
    **dict.fromkeys(
        [
            "|expand",
            "|contains|expand",
            "|expand|contains|all",
            "|expand|neq",
            "|expand|cased",
            "|expand|windash",
        ],
        EXPANDED,
    ),
    "|re|expand": st.sampled_from(["^%a%$", "%none%", "x%a%"]),
    "|cidr": st.sampled_from(["10.0.0.0/8", "192.168.1.8/29", "::/64", "0.0.0.0/0", "::1/128", "fe80::/10"]),
    **dict.fromkeys(["|lt", "|lte", "|gt", "|gte", "|lt|neq", "|gte|neq"], st.sampled_from([5, -2, 4.5, 0])),
    **dict.fromkeys(
        ["|fieldref", "|fieldref|startswith", "|fieldref|endswith", "|fieldref|contains", "|fieldref|neq"],
        st.sampled_from([*FIELDS, "nowhere"]),
    ),
    **dict.fromkeys(["|minute", "|hour", "|hour|gte", "|hour|lt"], st.sampled_from([0, 1, 22, 23, 30, 59])),
    **dict.fromkeys(
        ["|day", "|week", "|month", "|month|lte", "|week|gt"], st.sampled_from([1, 12, 13, 29, 31, 53])
    ),
    **dict.fromkeys(["|year", "|year|gt", "|year|neq"], st.sampled_from([1, 2025, 2026])),
}
PLAIN = st.none() | st.booleans() | st.sampled_from([5, 1, -2, 5.5, 0])


@st.composite
def items(draw: st.DrawFn) -> tuple[str, Any]:
    field = draw(st.sampled_from([*FIELDS, "nowhere", "COMMANDLINE"]))
    modifiers = draw(st.sampled_from(["|exists", "|exists|neq", *KEYS]))
    if modifiers.startswith("|exists"):
        return field + modifiers, draw(st.booleans())
    one = KEYS[modifiers] | PLAIN if modifiers in {"", "|neq", "|all"} else KEYS[modifiers]
    value = draw(one | st.lists(one, max_size=3))
    return field + modifiers, value


WORDS = PATTERN.filter(bool)
KEYWORD = WORDS | st.sampled_from([5, 1.5])
KEYWORDS = st.lists(KEYWORD, min_size=1, max_size=3)
KEYWORD_MAPS = st.one_of(
    st.tuples(
        st.sampled_from(["|all", "|contains|all", "|cased", "|cased|all"]),
        st.lists(WORDS, min_size=1, max_size=3),
    ),
    st.tuples(st.sampled_from(["|re", "|re|i"]), REGEX),
    st.tuples(st.just("|expand"), st.sampled_from(["%a%", "%none%"])),
    st.tuples(st.just("|base64offset|contains"), ENCODED),
).map(lambda pair: dict([pair]))
MAPS = (
    st.lists(items(), min_size=1, max_size=3)
    .map(dict)
    .filter(lambda one: len({key.replace("utf16le", "wide") for key in one}) == len(one))  # refused, and told
)
SELECTION = st.one_of(
    MAPS,
    st.lists(MAPS, min_size=1, max_size=3),
    KEYWORDS,
    KEYWORD,
    KEYWORD_MAPS,
    st.lists(MAPS | WORDS | KEYWORD_MAPS | KEYWORDS, min_size=1, max_size=3),
)
LEAVES = st.sampled_from(
    [
        "s1",
        "s2",
        "f1",
        "_x",
        "1 of s*",
        "all of s*",
        "1 of them",
        "any of them",
        "all of them",
        "any of f*",
        "1 of *1",
        "1 of _*",
    ]
)
CONDITION = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(lambda one: f"not ({one})"),
        inner.map(lambda one: f"not {one}" if " " not in one or " of " in one else f"not ({one})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda three: f"({three[0]}) {three[1]} {three[2]}"
        ),
        st.tuples(inner, inner, inner).map(lambda three: f"{three[0]} or {three[1]} and not ({three[2]})"),
    ),
    max_leaves=4,
)
DETECTION = st.fixed_dictionaries(
    {
        "s1": SELECTION,
        "s2": SELECTION,
        "f1": SELECTION,
        "_x": SELECTION,
        "condition": CONDITION | st.lists(CONDITION, min_size=1, max_size=2),
    }
)


def batch(rows: list[dict[str, str]], names: list[tuple[str, str, str, str]] | None = None) -> pa.Table:
    own = source_columns()
    columns = {
        own[name.casefold()]: [row.get(name) for row in rows] for name in FIELDS if name.casefold() in own
    }
    rest = [[(name, value) for name, value in row.items() if name not in FIELDS[:2]] for row in rows]
    known = names or [("windows", "", "", "")] * len(rows)
    metadata = [
        {"log_name": log, "log_provider": provider, "event_code": code} for _, log, provider, code in known
    ]
    kind = pa.struct([(name, pa.string()) for name in ("log_name", "log_provider", "event_code")])
    return pa.table(
        {
            "source": pa.array([one[0] for one in known], pa.string()),
            "metadata": pa.array(metadata, kind),
            **{name: pa.array(values, pa.string()) for name, values in columns.items()},
            "unmapped": pa.array(rest, pa.map_(pa.string(), pa.string())),
        }
    )


def compiled(*detections: Mapping[str, Any], logsource: Mapping[str, str] | None = None) -> Any:
    loader = _Loader()
    for number, detection in enumerate(detections):
        rule = {
            "title": f"{number}",
            "logsource": logsource or {"product": "windows"},
            "detection": detection,
        }
        loader.add(f"{number:04}.yml", orjson.dumps(rule))
    made = loader.finish()
    assert made.problems == ()
    return compile_rules(made, placeholders=LISTS)


@given(detections=st.lists(DETECTION, min_size=1, max_size=4), rows=EVENTS)
def test_the_engine_agrees_with_the_specification(
    detections: list[dict[str, Any]], rows: list[dict[str, str]]
) -> None:
    made = compiled(*detections)
    assert [status.state for status in made.status] == ["active"] * len(detections), made.status
    hits = made.match(batch(rows)).to_pylist()
    wanted = [
        {"rule": number, "row": row}
        for number, detection in enumerate(detections)
        for row, event in enumerate(rows)
        if Reference(detection, LISTS).matches(event)
    ]
    assert hits == wanted


NEAR = st.lists(
    st.sampled_from(
        ["a", "A", "b", "B", "-", "/", " -a", "ß", "SS", "1", "ı", "K", "S", "\n", "\0", "é", "*", "?", "\\"]
    ),
    max_size=3,
).map("".join)
"""Texts made of what patterns are made of."""
SINGLE = st.fixed_dictionaries({key: values | st.lists(values, max_size=2) for key, values in KEYS.items()})


@settings(
    phases=(Phase.explicit, Phase.reuse, Phase.generate)
)  # what fails names its rule and event: nothing to shrink
@given(
    values=SINGLE,
    plain=PLAIN,
    rows=st.lists(
        st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS[:3], NEAR | VALUES)), min_size=4, max_size=12
    ),
    field=st.sampled_from(FIELDS[:3]),
)
def test_every_modifier_by_itself(
    values: dict[str, Any], plain: Any, rows: list[dict[str, str]], field: str
) -> None:
    """One rule for each chain of modifiers, all on the same events."""
    asked = [{field + key: value} for key, value in values.items()]
    asked += [{field: plain}, {field: []}, {f"{field}|exists": True}, {f"{field}|exists": False}]
    detections = [{"s": one, "condition": "s"} for one in asked]
    made = compiled(*detections)
    assert {status.state for status in made.status} == {"active"}, made.status
    hits = {(hit["rule"], hit["row"]) for hit in made.match(batch(rows)).to_pylist()}
    for number, detection in enumerate(detections):
        rule = Reference(detection, LISTS)
        for row, event in enumerate(rows):
            assert rule.matches(event) == ((number, row) in hits), (detection, event)


@given(detection=DETECTION, rows=EVENTS)
def test_a_trace_holds_exactly_where_the_engine_does(
    detection: dict[str, Any], rows: list[dict[str, str]]
) -> None:
    made = compiled(detection)
    events = batch(rows)
    hits = set(made.match(events)["row"].to_pylist())
    for row, event in enumerate(rows):
        trace = made.trace(0, events, row)
        assert trace.held == (row in hits)
        for alternative in trace.alternatives:
            if alternative.condition is not None:
                consistent(alternative.condition, event)
        for one in made.explain(0, events, row):
            assert row in hits
            assert one.value is None or one.value in event.values()


def consistent(part: Part, event: Mapping[str, str]) -> None:
    """A part is what its parts make of it, and shows values of the event."""
    answers = [one.held for one in part.parts]
    if part.kind == "test":
        assert set(part.values) <= set(event.values())
    else:
        assert part.held == {"and": all(answers), "or": any(answers), "not": not all(answers)}[part.kind]
    for one in part.parts:
        consistent(one, event)


@given(detection=DETECTION, rows=EVENTS, data=st.data())
def test_hits_do_not_depend_on_order_or_batches(
    detection: dict[str, Any], rows: list[dict[str, str]], data: st.DataObject
) -> None:
    made = compiled(detection)
    whole = set(made.match(batch(rows))["row"].to_pylist())
    order = data.draw(st.permutations(range(len(rows))))
    cut = data.draw(st.integers(0, len(rows)))
    found = set()
    for part in (order[:cut], order[cut:]):
        hits = made.match(batch([rows[place] for place in part]))["row"].to_pylist()
        found |= {part[row] for row in hits}
    assert found == whole


def as_stored(events: pa.Table) -> pa.Table:
    """The events with texts as dictionaries, as files have them."""

    def held(array: pa.Array) -> pa.Array:
        if pa.types.is_struct(array.type):
            return pa.StructArray.from_arrays(
                [held(part) for part in array.flatten()], names=[part.name for part in array.type]
            )
        if pa.types.is_map(array.type):
            return pa.MapArray.from_arrays(array.offsets, array.keys.dictionary_encode(), array.items)
        return array.dictionary_encode()

    arrays = [held(column.combine_chunks()) for column in events.columns]
    return pa.Table.from_arrays(arrays, names=events.column_names)


@given(detection=DETECTION, rows=EVENTS, others=EVENTS)
def test_hits_do_not_depend_on_how_texts_are_stored(
    detection: dict[str, Any], rows: list[dict[str, str]], others: list[dict[str, str]]
) -> None:
    """Dictionaries have values here that no row has."""
    made = compiled(detection)
    stored = as_stored(batch([*others, *rows])).slice(len(others))
    assert made.match(stored).equals(made.match(batch(rows)))
    every = pa.array(range(len(rows)), pa.int64())
    names = ["CommandLine", "Image", "Odd"]
    assert made.values(stored, every, names).equals(made.values(batch(rows), every, names))


# --- log sources -----------------------------------------------------------------------------------------------

ENTRIES = [
    (product, kind, name, entry)
    for product, known in table()["product"].items()
    for kind in ("category", "service")
    for name, entries in known.get(kind, {}).items()
    for entry in entries
]
FAMILIES = sorted({one for known in table()["product"].values() for one in known["source"]})
LOGS = sorted({str(log) for *_, entry in ENTRIES for log in entry.get("log", ())})
PROVIDERS = sorted({str(one) for *_, entry in ENTRIES for one in entry.get("provider", ())})
CODES = sorted({str(one) for *_, entry in ENTRIES for one in entry.get("event", ())})


@st.composite
def kinds(draw: st.DrawFn) -> tuple[str, str, str, str]:
    """The names of an event: those of some entry of the table, or any."""
    product, _, _, entry = draw(st.sampled_from(ENTRIES))

    def one(key: str, others: list[str]) -> str:
        own = [str(name) for name in entry.get(key, ())]
        return draw(st.sampled_from([*own, *own, "", draw(st.sampled_from(others or [""]))]))

    source = draw(st.sampled_from([*table()["product"][product]["source"], *FAMILIES])) + draw(
        st.sampled_from(["", ".evtx"])
    )
    names = (source, one("log", LOGS), one("provider", PROVIDERS), one("event", CODES))
    return (names[0], names[1].upper(), *names[2:]) if draw(st.booleans()) else names


LOGSOURCES = st.one_of(
    st.sampled_from(ENTRIES).map(lambda entry: {"product": entry[0], entry[1]: entry[2]}),
    st.sampled_from(ENTRIES).map(lambda entry: {entry[1]: entry[2]}),
    st.sampled_from(sorted(table()["product"])).map(lambda product: {"product": product}),
    st.tuples(st.sampled_from(ENTRIES), st.sampled_from(ENTRIES)).map(
        lambda pair: {"product": pair[0][0], "category": pair[0][2], "service": pair[1][2]}
    ),
    st.just({"product": "windows", "category": "process_creation"}),
)
NAMED = {
    "Image": ["cmd.exe", "x"],
    "ParentImage": ["cmd.exe"],
    "User": ["root"],
    "IntegrityLevel": ["High", "S-1-16-12288"],
    "NewProcessName": ["cmd.exe"],
    "SubjectUserName": ["root"],
    "MandatoryLabel": ["S-1-16-12288", "High"],
    "dst_ip": ["::1"],
    "id.resp_h": ["::1"],
}


@given(
    logsource=LOGSOURCES,
    events=st.lists(
        st.tuples(
            kinds(), st.fixed_dictionaries({}, optional={k: st.sampled_from(v) for k, v in NAMED.items()})
        ),
        max_size=8,
    ),
    selection=st.lists(
        st.sampled_from([(k, v) for k, vs in NAMED.items() for v in vs]), min_size=1, max_size=2
    ).map(dict),
    turned=st.booleans(),
)
def test_log_sources_and_their_names(
    logsource: dict[str, str],
    events: list[tuple[Any, dict[str, str]]],
    selection: dict[str, str],
    turned: bool,
) -> None:
    """A rule is asked of the events that the readable table means, in the names of their log."""
    detection = {"s": selection, "condition": "not s" if turned else "s"}
    made = compiled(detection, logsource=logsource)
    own = source_columns()
    rows = [record for _, record in events]
    table_ = batch([{}] * len(rows), [kind for kind, _ in events])
    columns = {
        own[name.casefold()]: [row.get(name) for row in rows] for name in NAMED if name.casefold() in own
    }
    rest = [[(name, value) for name, value in row.items() if name.casefold() not in own] for row in rows]
    table_ = table_.drop_columns([name for name in ("unmapped", *columns) if name in table_.column_names])
    for name, values in columns.items():
        table_ = table_.append_column(name, pa.array(values, pa.string()))
    table_ = table_.append_column("unmapped", pa.array(rest, pa.map_(pa.string(), pa.string())))
    wanted = [
        row
        for row, (kind, record) in enumerate(events)
        if any(rule_in(way, detection).matches(record) for way in meanings(logsource, kind))
    ]
    assert made.match(table_)["row"].to_pylist() == wanted
