"""The errors a caller may have to tell apart.

```
Error
├── UsageError            what was asked makes no sense here          (exit code 2)
├── WorkspaceError        no workspace, a newer one, one in use       (exit code 2)
├── InputError            a file of the user's is wrong: file, place, remedy
│   ├── AgreementError
│   └── RuleError
├── ArchiveError          sealed bytes are missing or differ          (exit code 3)
│   └── VerificationError evidence does not verify                    (exit code 3)
└── StoreError            the lake could not be read or written
```

Whatever a hostile input can cause surfaces as one of these, or as data (`Rejected`); our own misuse
raises `RuntimeError`.
"""

from __future__ import annotations


class Error(Exception):
    """Root of all errors that Countersign raises on purpose."""

    exit_code = 2

    def diagnostics(self) -> str:
        """Text for a person: what is wrong, where, and what to do about it."""
        return str(self)


class UsageError(Error):
    """The command or call was used in a way that cannot work."""


class WorkspaceError(Error):
    """There is no workspace here, it is newer than this program, or it is in use."""


class InputError(Error):
    """A file that a person wrote is wrong.

    `path` names the file, `line` the line counted from 1 (None where there is none), `remedy` says what
    to do.
    """

    def __init__(self, message: str, *, path: str = "", line: int | None = None, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.line = line
        self.remedy = remedy

    def diagnostics(self) -> str:
        """`path:line: message`, then the remedy."""
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        text = f"{place}: {self.message}" if place else self.message
        return f"{text}\n  remedy: {self.remedy}" if self.remedy else text

    def __str__(self) -> str:
        return self.diagnostics()


class AgreementError(InputError):
    """An agreement file does not say something that can be held to."""


class RuleError(InputError):
    """A rule cannot be read or compiled."""


class ArchiveError(Error):
    """A sealed segment is missing, unreadable or not what its digest says."""

    exit_code = 3


class VerificationError(ArchiveError):
    """The evidence does not verify; `segment` names the part at fault where one can be named."""

    def __init__(self, message: str, *, segment: str | None = None) -> None:
        super().__init__(message)
        self.segment = segment


class StoreError(Error):
    """The lake could not be read or written."""
