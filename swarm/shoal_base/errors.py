"""Every error of the project, and whose matter it is.

    ShoalError                a sentence: the value, the rule, the next step
    ├── InputRefused          what somebody typed or wrote in a file
    ├── PlaceRefused          what lies on this machine: files, owners, permissions, a full disk
    ├── IdentityRefused       a certificate, request or signature that proves nothing (reasons: shoal_certs.reasons)
    ├── PeerRefused           what another party sent or did
    ├── Unavailable           not there now; trying again may help
    ├── PartMissing           an extra that is not installed
    └── ProblemsFound         a check that ran to its end and found something

Exceptions of libraries stop at the border that calls the library and come out as one of these. Whether
trying again may help is a property of the error, so nobody who catches one has to guess. A promise that
our own code breaks is an `assert`, not one of these.
"""

from collections.abc import Sequence
from typing import ClassVar

from shoal_base.exits import ExitCode


class ShoalError(Exception):
    """Something that a person can read and mend."""

    exit_code: ClassVar[ExitCode] = ExitCode.DEFECT
    may_help_to_retry: ClassVar[bool] = False

    def facts(self) -> dict[str, object]:
        """What a program that reads `--json` gets."""
        return {"exit": int(self.exit_code), "kind": type(self).__name__, "message": str(self)}


class InputRefused(ShoalError):
    """A value that somebody gave breaks a rule; nothing was changed."""

    exit_code = ExitCode.INPUT


class PlaceRefused(ShoalError):
    """A file, folder, owner or permission on this machine stands in the way."""

    exit_code = ExitCode.PLACE


class IdentityRefused(ShoalError):
    """A certificate, request or signature proves nothing here."""

    exit_code = ExitCode.IDENTITY


class PeerRefused(ShoalError):
    """Another party sent or did something that is refused."""

    exit_code = ExitCode.PEER


class Unavailable(ShoalError):
    """Something that is needed is not there now."""

    exit_code = ExitCode.UNAVAILABLE
    may_help_to_retry = True


class PartMissing(ShoalError):
    """A command's extra is not installed."""

    exit_code = ExitCode.MISSING_PART


class ProblemsFound(ShoalError):
    """A check ran to its end and found something; each problem is a sentence."""

    exit_code = ExitCode.PROBLEMS

    def __init__(self, headline: str, problems: Sequence[str], found: dict[str, object] | None = None) -> None:
        super().__init__("\n".join([headline, *(f"  - {problem}" for problem in problems)]))
        self.problems = tuple(problems)
        self.found = found or {}

    def facts(self) -> dict[str, object]:
        """The problems one by one, beside whatever else the check saw."""
        return {**super().facts(), "problems": list(self.problems), **self.found}
