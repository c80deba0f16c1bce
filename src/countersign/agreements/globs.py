"""Patterns with `*` as the only wildcard.

The pattern comes from an agreement, the text from a log, which an attacker may have written: matching takes
linear time and no regular expression.
"""

from __future__ import annotations


def glob(pattern: str, text: str) -> bool:
    """Whether `pattern` means `text`, both in one letter case; `*` is any run of characters."""
    if "*" not in pattern:
        return pattern == text
    head, *middle, tail = pattern.split("*")
    limit = len(text) - len(tail)
    if limit < len(head) or not text.startswith(head) or not text.endswith(tail):
        return False
    place = len(head)
    for piece in middle:
        found = text.find(piece, place, limit)
        if found < 0:
            return False
        place = found + len(piece)
    return True


def globs_meet(one: str, other: str) -> bool:
    """Whether some text is meant by both patterns."""
    if "*" not in other:
        return glob(one, other)
    if "*" not in one:
        return glob(other, one)
    # row[j]: the rest of `one` from the letter at hand and `other[j:]` can be the same text
    row = [not other[j:].strip("*") for j in range(len(other) + 1)]
    for letter in reversed(one):
        below, row = row, [False] * (len(other) + 1)
        for j in range(len(other), -1, -1):
            after = j < len(other)
            if letter == "*":
                row[j] = below[j] or (after and row[j + 1])
            elif after and other[j] == "*":
                row[j] = below[j] or row[j + 1]
            else:
                row[j] = after and other[j] == letter and below[j + 1]
    return row[0]
