"""A page read by Python's own HTML parser, and what a page must never hold."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = frozenset({"meta", "br", "link", "img", "hr", "input"})
SVG_EMPTY = frozenset({"rect", "path"})
HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
ALLOWED_NAMESPACE = "http://www.w3.org/2000/svg"


class Reader(HTMLParser):
    """Balanced tags, attributes and texts of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.stack: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.problems: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if len(dict(attrs)) != len(attrs):
            self.problems.append(f"<{tag}> has an attribute twice")
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in SVG_EMPTY:
            self.problems.append(f"<{tag}/> closes itself")

    def handle_endtag(self, tag: str) -> None:
        if not self.stack or self.stack.pop() != tag:
            self.problems.append(f"</{tag}> out of place")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader


def check(html: str) -> Reader:
    """Everything that holds for every page."""
    html.encode("utf-8")
    assert not HIDDEN.search(html)
    reader = read(html)
    assert reader.problems == []
    assert reader.stack == []
    names = {tag for tag, _ in reader.tags}
    assert not names & {
        "script",
        "iframe",
        "object",
        "embed",
        "link",
        "img",
        "form",
        "base",
        "audio",
        "video",
    }
    for tag, attrs in reader.tags:
        for name, value in attrs.items():
            assert not name.startswith("on"), (tag, name)
            if name in {"href", "src", "action", "srcset", "poster", "data", "style", "xlink:href"}:
                assert name == "href", (tag, name)
                assert (value or "").startswith("#"), value
            if name == "xmlns":
                assert value == ALLOWED_NAMESPACE
    style = html[html.index("<style>") : html.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    ids = [attrs["id"] for _, attrs in reader.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in reader.tags:
        href = attrs.get("href")
        assert not href or href[1:] in ids, href
    return reader
