"""Rules in a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from countersign.cli.text import STYLES, console, indented, local, plain_table, safe
from countersign.model.visible import counted, visible

if TYPE_CHECKING:
    from countersign.app.hunting import Caught, Hunt
    from countersign.app.importing import Imported
    from countersign.app.rulelist import Listed
    from countersign.app.trying import Trial
    from countersign.rules.explain import Part


CHANGES_SHOWN = 40
RECORDS_SHOWN = 3
PARTS_SHOWN = 12
BROKEN_SHOWN = 10
HOSTS_SHOWN = 10
TESTS_SHOWN = 4
IDLE_SHOWN = 5


def rule_table(rows: Sequence[Listed]) -> None:
    """One line a rule, then how many of each state."""
    out = console()
    if not rows:
        out.print("No rule is like that.")
        return
    table = plain_table("level", "rule", "state", "reason", whole=("level", "state"))
    for row in rows:
        if row.state != "broken":
            table.add_row(row.level, safe(row.title, limit=120), row.state, safe(row.reason, limit=160))
    if table.row_count:
        out.print(table)
    for row in rows:
        if row.state == "broken":
            place = f"{row.path}:{row.line}" if row.line else row.path
            out.print(safe(f"{place}: {row.reason}", "yellow", 400))
    counts = Counter(row.state for row in rows)
    out.print(", ".join(f"{count:,} {state}" for state, count in counts.most_common()))


def caught(result: Hunt) -> None:
    """What a hunt found, by rule and host, with the values of the first record of each."""
    out = console()
    for _, group in groupby(result.caught, key=lambda one: one.rule.id):
        _of_rule(list(group))
    hits = sum(one.count for one in result.caught)
    out.print(
        f"{counted(result.rules, 'rule')} over {counted(result.stored, 'event')} in {result.seconds:.1f} s "
        f"({result.events:,} of {'its log source' if result.rules == 1 else 'their log sources'}): {counted(hits, 'hit')}."
    )


def not_run(result: Hunt) -> Iterator[str]:
    """Rules of a hunt that did not run, or had nothing to run over, and why; a line each, or how many."""
    for about, verb, those in (
        ("does not run", "do not run here", result.idle),
        ("has no log here", "have no log here", result.waiting),
    ):
        if len(those) > IDLE_SHOWN:
            yield f"{len(those):,} rules {verb}: countersign rules list says why"
        else:
            yield from (visible(f"{rule.title} {about}: {reason}", 300) for rule, reason in those)


def _of_rule(group: Sequence[Caught]) -> None:
    out = console()
    rule = group[0].rule
    head = Text(f"{rule.level:<14}", STYLES.get(rule.level, ""))
    head.append_text(safe(f"{rule.title}  ", "bold", 200))
    head.append_text(safe(rule.id, "dim", 80))
    out.print(head)
    for one in group[:HOSTS_SHOWN]:
        span = local(_stamp(one.first)) + (f" to {local(_stamp(one.last))}" if one.last != one.first else "")
        out.print(
            indented(
                f"{one.host or 'unnamed host'}: {'once' if one.count == 1 else f'{one.count:,} times'}, {span}",
                "  ",
            )
        )
        for test in one.matched[:TESTS_SHOWN]:
            value = "absent" if test.value is None else visible(test.value, 200)
            out.print(
                indented(f"{test.field or 'a value'} {visible(test.test, 120)}: {value}", "      ", "dim")
            )
    if len(group) > HOSTS_SHOWN:
        out.print(
            f"  ... and {counted(len(group) - HOSTS_SHOWN, 'more host')} (--json lists them all)", style="dim"
        )


def tried(trial: Trial) -> None:
    """A rule on a log: the condition with what held, of the first records."""
    out = console()
    for note in trial.notes:
        out.print(safe(note, "yellow", 300))
    for one in trial.tried[:RECORDS_SHOWN]:
        held = one.explanation.held
        out.print(
            Text(
                f"Record {one.record:,}: {'fires' if held else 'does not fire'}", "green" if held else "bold"
            )
        )
        for alternative in one.explanation.alternatives:
            if alternative.condition is None:
                continue
            out.print(indented(f"as {alternative.where}", "  ", "dim"))
            _part(out, alternative.condition, "    ")
        if not any(part.taken for part in one.explanation.alternatives):
            wanted = " or ".join(part.where for part in one.explanation.alternatives)
            out.print(indented(f"it is not of the rule's log source: {wanted}", "  ", "dim"))
    if len(trial.tried) > RECORDS_SHOWN:
        out.print(
            f"... and {counted(len(trial.tried) - RECORDS_SHOWN, 'more record')} (--record N, or --json)",
            style="dim",
        )
    out.print(
        safe(
            f"{trial.rule.title}: fires on {len(trial.fired):,} of {counted(trial.concerned, 'record')} of its log source "
            f"({trial.records:,} in all).",
            "bold",
            300,
        )
    )


def _part(out: Console, part: Part, indent: str) -> None:
    from countersign.model.schema import source_fields

    sign, style = ("✓", "green") if part.held else ("✗", "red")
    if part.kind == "test":
        values = ", ".join(visible(value, 200) for value in part.values) or "absent"
        name = {field.casefold(): field for field in source_fields()}.get(part.field, part.field)
        words = f"{sign} {name or 'any value'} {visible(part.test, 200)}: {values}"
        out.print(indented(words, indent, style, hang="  "))
        return
    names = {"and": "all of", "or": "one of", "not": "not"}
    out.print(Text(f"{indent}{sign} {names[part.kind]}", style))
    for inner in part.parts[:PARTS_SHOWN]:
        _part(out, inner, f"{indent}  ")
    if len(part.parts) > PARTS_SHOWN:
        out.print(f"{indent}  ... and {len(part.parts) - PARTS_SHOWN} more (--json has all)", style="dim")


def _stamp(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def imported(result: Imported) -> None:
    """What an import brought, against the last one."""
    out = console()
    out.print(
        safe(
            f"{result.name}: {counted(result.rules, 'rule')} in {counted(result.files, 'file')} from {result.origin}",
            "bold",
            300,
        )
    )
    if result.passed_over:
        files = counted(result.passed_over, "YAML file")
        words = "holds no rule and was" if result.passed_over == 1 else "hold no rule and were"
        out.print(f"  {files} {words} passed over", style="dim")
    if not result.first:
        rows = [
            *(("new", rule.level, rule.title, rule.version) for rule in result.new),
            *(
                (
                    "changed",
                    one.rule.level,
                    one.rule.title,
                    f"{one.old_version or '-'} > {one.rule.version or '-'}",
                )
                for one in result.changed
            ),
            *(("gone", rule.level, rule.title, rule.version) for rule in result.gone),
        ]
        table = plain_table("change", "level", "rule", "version", whole=("change", "level"))
        for change, level, title, version in rows[:CHANGES_SHOWN]:
            table.add_row(change, level, safe(title, limit=120), safe(version, limit=60))
        if rows:
            out.print(table)
        if len(rows) > CHANGES_SHOWN:
            out.print(f"... and {len(rows) - CHANGES_SHOWN:,} more (--json lists them all)", style="dim")
        counts = f"{len(result.new):,} new, {len(result.changed):,} changed, {len(result.gone):,} gone"
        out.print(f"  {counts} since the last import.")
    for one in result.broken[:BROKEN_SHOWN]:
        place = one.path if one.line is None else f"{one.path}:{one.line}"
        out.print(safe(f"  broken: {place}: {one.reason}", "yellow", 300))
    if len(result.broken) > BROKEN_SHOWN:
        out.print(f"  ... and {len(result.broken) - BROKEN_SHOWN:,} more are broken (--json)", style="dim")
