"""Who somebody is, as one URI: `spiffe://<swarm>/<role>/<name>`.

Identities are compared byte for byte, so there is one spelling of each: lower case, ASCII, nothing encoded,
nothing beside the three parts. Everything else is refused, each for its own reason.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from shoal_certs.reasons import CertificateRefused, Reason

SCHEME = "spiffe://"
URI_BYTES_MAX = 255
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_SWARM = re.compile(rf"{_NAME.pattern}(?:\.{_NAME.pattern})*")
_PARTS_OF_OTHER_URIS = re.compile(r"[@:?#\\]")


class Role(StrEnum):
    """What somebody may be in a swarm."""

    SENTINEL = "sentinel"
    NODE = "node"
    ORCHESTRATOR = "orchestrator"
    OPERATOR = "operator"
    AUDITOR = "auditor"


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """One party of one swarm in one role."""

    swarm: str
    role: Role
    name: str

    def __post_init__(self) -> None:
        """Refuse what could not be written as an identity's one spelling."""
        if not _SWARM.fullmatch(self.swarm):
            raise CertificateRefused(Reason.BAD_SWARM_NAME, repr(self.swarm))
        if not _NAME.fullmatch(self.name):
            raise CertificateRefused(Reason.BAD_NAME, repr(self.name))
        if len(self.uri) > URI_BYTES_MAX:
            raise CertificateRefused(Reason.URI_TOO_LONG, self.uri)

    @property
    def uri(self) -> str:
        """The one spelling."""
        return f"{SCHEME}{self.swarm}/{self.role}/{self.name}"

    def __str__(self) -> str:
        return self.uri

    @classmethod
    def parse(cls, uri: str) -> Self:
        """Read an identity, or say what is wrong with its spelling."""
        about = ascii(uri[:URI_BYTES_MAX])
        for reason, broken in _spelling_questions(uri):
            if broken:
                raise CertificateRefused(reason, about)
        parts = uri.removeprefix(SCHEME).split("/")
        if len(parts) != len(("swarm", "role", "name")):
            raise CertificateRefused(Reason.WRONG_URI_SHAPE, about)
        swarm, role, name = parts
        if role not in set(Role):
            raise CertificateRefused(Reason.UNKNOWN_ROLE, about)
        return cls(swarm, Role(role), name)


def _spelling_questions(uri: str) -> list[tuple[Reason, bool]]:
    return [
        (Reason.URI_TOO_LONG, len(uri) > URI_BYTES_MAX),
        (Reason.NOT_ASCII, not uri.isascii()),
        (Reason.PERCENT_ENCODED, "%" in uri),
        (Reason.WRONG_SCHEME, not uri.startswith(SCHEME)),
        (Reason.UPPER_CASE, uri != uri.lower()),
        (Reason.EXTRA_URI_PARTS, bool(_PARTS_OF_OTHER_URIS.search(uri.removeprefix(SCHEME)))),
    ]
