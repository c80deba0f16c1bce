r"""Lists for Sigma's placeholders: what `%DomainControllers%` means in this organisation.

A placeholder stands for any one of its list's values, which may hold wildcards. The lists are one YAML file:

```yaml
DomainControllers: [dc1.corp.example, dc2.corp.example]
Workstations: 'ws*'
```
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from countersign.errors import RuleError

FILE = "placeholders.yaml"
"""Its name in a workspace."""
MOST_BYTES = 4 << 20
MOST_VALUES = 10_000
"""In one list, and of all combinations of one value's placeholders."""
REMEDY = "write one list a name, such as `DomainControllers: [dc1, 'dc2.*']`"

Lists = Mapping[str, tuple[str, ...]]
NO_LISTS: Lists = {}


def load_placeholders(path: Path) -> Lists:
    """The lists of a file, by casefolded name; none if there is no file.

    Raises:
        RuleError: the file is not such lists.

    """
    from countersign.rules.yamlfile import read_mapping

    try:
        data = path.read_bytes() if path.stat().st_size <= MOST_BYTES else None
    except FileNotFoundError:
        return NO_LISTS
    except OSError as error:
        raise RuleError(f"cannot be read: {error.strerror}", path=str(path), remedy=REMEDY) from error
    if data is None:
        raise RuleError(f"larger than {MOST_BYTES >> 20} MiB", path=str(path), remedy="shorten the lists")
    lists: dict[str, tuple[str, ...]] = {}
    for name, (value, line) in read_mapping(data, str(path), REMEDY).items():
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(one, str | int | float) and not isinstance(one, bool) for one in values):
            reason = f"`{name}` is not a list of texts"
            raise RuleError(reason, path=str(path), line=line, remedy=REMEDY)
        if len(values) > MOST_VALUES:
            reason = f"`{name}` has more than {MOST_VALUES} values"
            raise RuleError(
                reason, path=str(path), line=line, remedy="use wildcards, or networks with `cidr`"
            )
        folded = name.strip("%").casefold()
        if folded in lists:
            reason = f"`{name}` is there twice; names are compared without regard to case"
            raise RuleError(reason, path=str(path), line=line, remedy="make one list of the two")
        lists[folded] = tuple(dict.fromkeys(map(str, values)))
    return lists
