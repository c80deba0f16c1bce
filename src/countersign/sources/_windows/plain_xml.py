"""The quick way for events as Windows itself renders them to XML: the beginning of System once for all that share it,
the rest by its fixed form.

Whatever is written otherwise (blanks between elements, comments, references by number, names that come twice) is refused
here and read by a parser with patience (`xml`). Both ways give the same entries; a test holds them to it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

from countersign.sources._windows import clock, nested
from countersign.sources._windows.blocks import SHARED
from countersign.sources._windows.reader import Entry, System
from countersign.sources._windows.xml import LARGEST, event_of

Attributes = dict[str, str]
_BORDER = "<TimeCreated SystemTime="
"""Before it stands what records of one kind share."""
_END = "</Event>"
_DATA, _DATA_END = "<EventData>", "</EventData>"
_USER, _USER_END = "<UserData><", "></UserData>"
_NO_DATA = frozenset({"<EventData/>", "<EventData></EventData>"})
_ATTRIBUTE = r" [A-Za-z_][\w.:\-]{0,63}=%s[^<&%s\n\t]{1,512}%s"
_MIDDLE = (
    r"([^<&%s\n\t]{0,64})%s ?/>"
    r"<EventRecordID>([^<&]{0,64})</EventRecordID>"
    r"(?:<Correlation((?:" + _ATTRIBUTE + r"){0,8}) ?/>)?"
    r"(?:<Execution((?:" + _ATTRIBUTE + r"){0,8}) ?/>)?"
    r"<Channel>([^<&]{0,512})</Channel><Computer>([^<&]{0,512})</Computer>"
    r"(?:<Security((?:" + _ATTRIBUTE + r"){0,8}) ?/>)?</System>"
)
_NAMED = r"<Data Name=%s([^<&%s\n\t]*)%s(?:(/)>|>([^<]*)</Data>)"
_UNNAMED = re.compile(r"<Data(?:(/)>|>([^<]*)</Data>)")
_LEAF = re.compile(r"<([A-Za-z_][\w.\-]*)(?:(/)>|>([^<]*)</\1>)")
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|apos);")
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&apos;": "'"}


class _Quoted(NamedTuple):
    """The forms with one kind of quotes."""

    quote: str
    middle: re.Pattern[str]
    named: re.Pattern[str]
    holder: re.Pattern[str]
    attribute: re.Pattern[str]


def _quoted(quote: str) -> _Quoted:
    return _Quoted(
        quote,
        re.compile(_MIDDLE.replace("%s", quote)),
        re.compile(_NAMED.replace("%s", quote)),
        re.compile(r"([A-Za-z_][\w.\-]*)((?:" + _ATTRIBUTE.replace("%s", quote) + r"){0,8})>"),
        re.compile(r" ([A-Za-z_][\w.:\-]*)=" + quote + r"([^" + quote + r"]*)" + quote),
    )


_QUOTES = {quote: _quoted(quote) for quote in "'\""}


def entry_of(raw: bytes) -> Entry | None:
    """The entry of a record in the plain form, None for every other."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None
    start, border, _ = text.partition(_BORDER)
    at = len(start) + len(border)
    forms = _QUOTES.get(text[at : at + 1])
    if forms is None or not text.endswith(_END) or len(raw) > LARGEST or not _is_printable(text, raw):
        return None
    head = _head(start)
    middle = forms.middle.match(text, at + 1)
    if head is None or middle is None:
        return None
    event = _content(text[middle.end() : -len(_END)], forms)
    return None if event is None else _entry(head, middle, forms, event)


def _is_printable(text: str, raw: bytes) -> bool:
    """Without anything that XML forbids or changes; some of what it does not is left to the patient way, too."""
    others = raw.translate(None, _PRINTABLE)  # a third of the time that asking a text takes
    if others and not text.replace("\n", "").replace("\t", "").isprintable():
        return False
    if "]]>" in text:
        return False
    return "&" not in text or text.count("&") == len(_ENTITY.findall(text))


_PRINTABLE = bytes(range(0x20, 0x7F)) + b"\n\t"


@lru_cache(maxsize=1024)
def _head(start: str) -> System | None:
    """What System has before the border, in the order of `reader.System`, without the channel."""
    event = event_of(start.encode() + b"</System></Event>")
    system = event.get("System") if event is not None and len(event) == 1 else None
    if event is None or system is None or not SHARED.issuperset(system):
        return None
    entry = nested.read(event)
    return None if entry is None else entry.system


@lru_cache(maxsize=1024)
def _attributes(text: str, quote: str) -> Attributes | None:
    """Attributes by name; None where XML would not have them."""
    pairs = _QUOTES[quote].attribute.findall(text)
    found = dict(pairs)
    plain = all(":" not in name for name in found) and "w3.org" not in text
    return found if plain and len(found) == len(pairs) else None


def _entry(head: System, middle: re.Match[str], forms: _Quoted, event: dict[str, Any]) -> Entry | None:
    moment, record_id, correlation, execution, channel, computer, security = middle.groups()
    parts = [_attributes(part or "", forms.quote) for part in (correlation, execution, security)]
    if None in parts:
        return None
    activities, ids, user = parts
    own: dict[str, Any] = {"Computer": computer or None}
    if ids:
        own["ExecutionProcessID"] = ids.get("ProcessID")
        own["ThreadID"] = ids.get("ThreadID")
    if user:
        own["UserID"] = user.get("UserID")
    if activities:
        own["ActivityID"] = activities.get("ActivityID")
        if "RelatedActivityID" in activities:
            own["RelatedActivityID"] = activities["RelatedActivityID"]
    system: System = (head[0], channel or None, *head[2:])
    return Entry(
        system, computer or None, clock.stated(moment), record_id or None, own, nested.data_of(event)
    )


def _content(body: str, forms: _Quoted) -> dict[str, Any] | None:
    """What stands beside System, by its name; None if it is of another form."""
    if not body:
        return {}
    if body in _NO_DATA:
        return {"EventData": {}}
    if body.startswith(_DATA) and body.endswith(_DATA_END):
        data = _event_data(body[len(_DATA) : -len(_DATA_END)], forms)
        return None if data is None else {"EventData": data}
    if body.startswith(_USER) and body.endswith(_USER_END):
        return _user_data(body[len(_USER) : -len(_USER_END)], forms)
    return None


def _event_data(inner: str, forms: _Quoted) -> dict[str, Any] | None:
    values = _filled(inner, forms.quote)
    if values is None:
        found = forms.named.findall(inner)
        if not found:
            return _unnamed(inner)
        values = {name: text for name, _, text in found}
        slashes = sum([1 for _, slash, _ in found if slash])
        taken = sum([len(name) + len(text) for name, _, text in found])
        if len(values) < len(found) or taken + _NAMED_CHARS * len(found) - _SHORTER * slashes != len(inner):
            return None
        if not _RESERVED.isdisjoint(values):
            return None
    if "&" in inner or "\n" in inner:
        return {name: _text(text) or "" for name, text in values.items()}
    return values


def _filled(inner: str, quote: str) -> dict[str, str] | None:
    """Named elements that each have a beginning and an end, split at once; None where one is of another form."""
    begin, border = f"<Data Name={quote}", f"{quote}>"
    if not inner.startswith(begin) or not inner.endswith("</Data>"):
        return None
    pieces = inner[len(begin) : -len("</Data>")].split(f"</Data>{begin}")
    names, borders, texts = zip(*[piece.partition(border) for piece in pieces], strict=True)
    if borders.count(border) < len(pieces) or inner.count("<") != 2 * len(pieces) or not _sound(names):
        return None
    return dict(zip(names, texts, strict=True))


@lru_cache(maxsize=1024)
def _sound(names: tuple[str, ...]) -> bool:
    """Whether these are names of their own, without what would be no part of one."""
    return (
        len(set(names)) == len(names)
        and _RESERVED.isdisjoint(names)
        and not any(character in name for name in names for character in "<&\n\t'\"")
    )


_NAMED_CHARS = len("<Data Name=''></Data>")
_SHORTER = len("<Data></Data>") - len("<Data/>")
_RESERVED = frozenset({"Data", "#attributes"})


def _unnamed(inner: str) -> dict[str, Any] | None:
    found = _UNNAMED.findall(inner)
    slashes = sum([1 for slash, _ in found if slash])
    taken = sum([len(text) for _, text in found])
    if not found or taken + len("<Data></Data>") * len(found) - _SHORTER * slashes != len(inner):
        return None
    texts = [_text(text) for _, text in found]
    return {"Data": texts[0] if len(texts) == 1 else texts}


def _user_data(inner: str, forms: _Quoted) -> dict[str, Any] | None:
    """What a provider's own element holds: `<UserData><EventXML xmlns='...'><Param1>...</Param1></EventXML></UserData>`."""
    holder = forms.holder.match(inner)
    if holder is None or not inner.endswith(f"</{holder[1]}"):
        return None
    content = inner[holder.end() : -len(holder[1]) - 2]
    found = _LEAF.findall(content)
    taken = sum([len(name) + 3 if slash else 2 * len(name) + len(text) + 5 for name, slash, text in found])
    if not found or taken != len(content) or _attributes(holder[2], forms.quote) is None:
        return None
    return {"UserData": {holder[1]: {name: _text(text) for name, _, text in found}}}


def _text(text: str) -> str | None:
    """As `xml` has it: nothing is None, a line end and blanks are how an empty one is pretty-printed."""
    if not text:
        return None
    if text[0] == "\n" and not text.strip():
        return ""
    return _ENTITY.sub(_character, text) if "&" in text else text


def _character(entity: re.Match[str]) -> str:
    return _ENTITIES[entity[0]]
