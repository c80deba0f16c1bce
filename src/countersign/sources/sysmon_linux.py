"""Sysmon for Linux: what ran, and where it connected, as XML in the lines of syslog and of the journal.

For an auditor: the kernel's word through a program that root can stop; the events are those of Sysmon on Windows, with the
account by its local name. A user's number stands where Windows has a logon id, and is therefore taken for no session.

References: https://github.com/microsoft/SysmonForLinux.
"""

from __future__ import annotations

from countersign.model.columns import Values, text_of
from countersign.sources._programs import Understood
from countersign.sources._windows import nested
from countersign.sources._windows.events import plan_for
from countersign.sources._windows.reader import SYSTEM_FIELDS, event_code, record_number
from countersign.sources._windows.values import text
from countersign.sources._windows.xml import event_of

_CHANNEL, _PROVIDER = "Linux-Sysmon/Operational", "Linux-Sysmon"


def understand(program: str, pid: str | None, message: str) -> Understood | None:
    """Columns, fields and key of one message; None if it is no event of Sysmon."""
    del program, pid
    if not message.startswith("<Event>"):
        return None
    event = event_of(message.encode("utf-8", "replace"))
    entry = None if event is None else nested.read(event)
    if entry is None or text(entry.system[1]) != _CHANNEL:
        return None
    said: dict[str, object] = {
        **dict(zip(SYSTEM_FIELDS, entry.system, strict=True)),
        **entry.own,
        **entry.data,
    }
    fields: dict[str, object] = {name: text_of(value) for name, value in said.items() if value is not None}
    plan = plan_for(_CHANNEL, _PROVIDER, event_code(entry.system[0]))
    columns: dict[str, object] = dict(plan.base)
    rows: dict[str, Values] = {name: [value] for name, value in fields.items()}
    columns |= {name: values[0] for name, values in plan.derive(rows, 1).items()}
    columns |= {
        "metadata.product": "Sysmon for Linux",
        "metadata.log_name": _CHANNEL,
        "metadata.log_provider": _PROVIDER,
        "metadata.event_code": text(entry.system[0]),
        "message": None,  # the fields say it
    }
    if entry.stamp.time is not None:
        columns |= {"time": entry.stamp.time, "time_text": entry.stamp.text, "time_basis": entry.stamp.basis}
    if (computer := text(entry.computer)) is not None:
        columns["device.hostname"] = computer
    host, number = computer, record_number(entry.record_id)
    if host is None or number is None or entry.stamp.logged is None:
        return columns, fields, None
    key = ("windows", host.casefold(), _CHANNEL.casefold(), number, str(entry.stamp.logged))
    return columns, fields | {"EventRecordID": number}, key
