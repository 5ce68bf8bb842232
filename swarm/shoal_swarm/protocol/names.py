"""Names that are types, so that a swapped argument is a finding of the checker and not of a user."""

from typing import Annotated, Final, NewType, TypeAlias

import msgspec

NodeName = NewType("NodeName", str)
RunId = NewType("RunId", str)
Digest = NewType("Digest", bytes)
Hash: TypeAlias = Annotated[Digest, msgspec.Meta(min_length=32, max_length=32)]
"""A digest as others may say it: what has another length names nothing and is not decoded."""

SENTINEL: Final = NodeName("sentinel")
NO_DIGEST: Final = Digest(b"")
BEFORE_ROUND_ZERO: Final = -1
"""The round that a node has applied when it has applied none."""


class Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fact that never changes once it is written down."""
