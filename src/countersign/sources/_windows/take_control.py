"""Take Control (N-able; SolarWinds MSP Anywhere before) in the Application channel: who was logged in, and when a session began and ended.

Its agent comes with N-central, N-sight or by itself, and writes 4102 (somebody logged in), 8192 and 8193 (a session began, ended). That
these numbers, the words `Logged` and `Session ended`, the account `MSP Support` of the maker and the address are there is known from public
reports; the exact sentences are believed, so that they are read by their words. What is not found in them stays empty.

References: https://thehackernews.com/2026/08/n-able-says-attackers-take-over-n.html, https://documentation.n-able.com/takecontrol/.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from countersign.sources._windows import values
from countersign.sources._windows.plan import Plan
from countersign.sources._windows.values import Scalar

NAME = "Take Control"
_LOGIN = 3002
_LONGEST = 4096
_MARKS = ("take control", "takecontrol", "msp anywhere", "mspanywhere", "getsupportservice", "basup")
_MAKERS = ("solarwinds", "n-able")
_ADDRESS = re.compile(
    r"(?<![\w.])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{1,4}:[0-9A-Fa-f:.]{2,40})(?!\w|\.\d)"
)
_LABELLED = re.compile(
    r"\b(?:user ?name|technician|viewer|user|account)\s?[:=]\s?[\"']?(?P<name>[^\"'\r\n,;()\[\]]{1,128})",
    re.IGNORECASE,
)
_SPOKEN = re.compile(
    r"^[ \t]?(?:user |technician )?[\"']?(?P<name>[^\"'\r\n:]{1,128}?)[\"']? (?:has )?logged",
    re.IGNORECASE | re.MULTILINE,
)
_FOLLOWED = re.compile(
    r"(?:\bby|logged ?(?:in|on)[ :]{1,2}) ?[\"']?(?P<name>[^\"'\r\n,;()\[\]]{1,128})", re.IGNORECASE
)
_NUMBER = re.compile(r"\bsession (?:id|number|guid)\s?[:=#]?\s?(?P<id>[0-9A-Za-z{}-]{3,64})", re.IGNORECASE)
_BEHIND = re.compile(r"(?:(?<=\w\w)\.(?=\s|$)| (?:logged|from|at|on|to|via)\b).*", re.IGNORECASE | re.DOTALL)


class _Said(NamedTuple):
    activity: int
    status: int | None
    user: str | None
    address: str | None
    session: str | None


_NOTHING = _Said(0, None, None, None, None)


def is_take_control(provider: str) -> bool:
    """Whether an event source is the agent's, under any of the names that it has had."""
    name = provider.casefold()
    return name.startswith(_MAKERS) or any(mark in name for mark in _MARKS)


@lru_cache(maxsize=4096)
def _said(text: str) -> _Said:
    words = text.casefold()
    if "logged" in words:
        out = "logged out" in words or "logged off" in words
        activity, status = (2, 1) if out else (1, 2 if "fail" in words or "not logged" in words else 1)
    elif "session" in words and any(word in words for word in ("ended", "closed", "terminated", "finished")):
        activity, status = 2, 1
    elif "session" in words and any(word in words for word in ("started", "begun", "opened", "established")):
        activity, status = 99, 1
    else:
        return _NOTHING
    found = _ADDRESS.search(text)
    number = _NUMBER.search(text)
    return _Said(
        activity,
        status,
        _name(text),
        found[0].rstrip(".") if found else None,
        number["id"].strip("{}").lower() if number else None,
    )


def _name(text: str) -> str | None:
    for pattern in (_LABELLED, _SPOKEN, _FOLLOWED):
        match = pattern.search(text)
        if match is not None and (name := _BEHIND.sub("", match["name"]).strip(" .\"'")):
            return None if name.casefold() in {"session", "a user", "user"} else name
    return None


def _of(value: Scalar) -> _Said:
    return _said(value[:_LONGEST]) if isinstance(value, str) else _NOTHING


def _class(value: Scalar) -> int:
    return _LOGIN if _of(value).activity else 0


def _session(value: Scalar) -> str | None:
    """By its own number; else a person's next end ends what their last login began."""
    said = _of(value)
    key = said.session or (said.user.casefold() if said.user else None)
    return f"takecontrol:{key}" if key else None


_SAYS = ("Data", "Message")
_EVENT = Plan(
    special={
        "class_uid": (_SAYS, _class),
        "activity_id": (_SAYS, lambda value: _of(value).activity),
        "status_id": (_SAYS, lambda value: _of(value).status),
        "user.name": (_SAYS, lambda value: values.account(_of(value).user, None)[0]),
        "user.domain": (_SAYS, lambda value: values.account(_of(value).user, None)[1]),
        "src_endpoint.ip": (_SAYS, lambda value: values.address(_of(value).address)),
        "session.uid": (_SAYS, _session),
    },
    constants={"src_endpoint.agent.name": NAME, "connection_info.protocol_name": "takecontrol"},
)
PLANS: dict[int, Plan] = dict.fromkeys((4102, 8192, 8193), _EVENT)
"""By event number."""
