"""Who may say what to whom, and on which kind of link: one table; what is not in it is refused.

Roles are plain words here, because this room knows nothing of certificates; a test holds them equal to the
roles that certificates carry.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, TypeAlias

from shoal_swarm.protocol.base import Message
from shoal_swarm.protocol.messages import (
    Announce,
    Bye,
    Chunk,
    Decline,
    Done,
    Grant,
    Hashes,
    Hello,
    Ping,
    Pong,
    Revocations,
    Welcome,
    Withdraw,
)
from shoal_swarm.protocol.round_messages import BetweenNodes, FromNode, FromSentinel

RoleWord: TypeAlias = Literal["sentinel", "node", "orchestrator", "operator", "auditor"]
Pair: TypeAlias = tuple[RoleWord, RoleWord]


class LinkKind(StrEnum):
    """What a link is for; each kind has its own ALPN name, so they cannot be confused."""

    CONTROL = "shoal-ctl/1"
    BULK = "shoal-bulk/1"


@dataclass(frozen=True, slots=True)
class Row:
    """One message: the links it may travel on, and from which role to which."""

    kinds: frozenset[LinkKind]
    pairs: frozenset[Pair]


_DIALS: Final[frozenset[Pair]] = frozenset(
    {
        ("node", "sentinel"),
        ("node", "node"),
        ("orchestrator", "sentinel"),
        ("operator", "sentinel"),
        ("auditor", "sentinel"),
    }
)
_ANSWERS: Final[frozenset[Pair]] = frozenset((listener, dialler) for dialler, listener in _DIALS)
_ANY_KIND: Final = frozenset(LinkKind)
_BULK_ONLY: Final = frozenset({LinkKind.BULK})
_BETWEEN_NODES: Final[frozenset[Pair]] = frozenset({("node", "node")})

_SAID_FIRST: Final = Row(_ANY_KIND, _DIALS)
_SAID_IN_ANSWER: Final = Row(_ANY_KIND, _ANSWERS)
_SAID_BY_BOTH: Final = Row(_ANY_KIND, _DIALS | _ANSWERS)
_SAID_WITH_TENSORS: Final = Row(_BULK_ONLY, _BETWEEN_NODES)
_CONTROL_ONLY: Final = frozenset({LinkKind.CONTROL})
_TO_THE_SENTINEL: Final = Row(_CONTROL_ONLY, frozenset({("node", "sentinel")}))
_FROM_THE_SENTINEL: Final = Row(_CONTROL_ONLY, frozenset({("sentinel", "node")}))

TABLE: Final[Mapping[type[Message], Row]] = {
    Hello: _SAID_FIRST,
    Welcome: _SAID_IN_ANSWER,
    Bye: _SAID_BY_BOTH,
    Ping: _SAID_BY_BOTH,
    Pong: _SAID_BY_BOTH,
    Revocations: _FROM_THE_SENTINEL,
    Announce: _SAID_WITH_TENSORS,
    Grant: _SAID_WITH_TENSORS,
    Hashes: _SAID_WITH_TENSORS,
    Chunk: _SAID_WITH_TENSORS,
    Done: _SAID_WITH_TENSORS,
    Decline: _SAID_WITH_TENSORS,
    Withdraw: _SAID_WITH_TENSORS,
    **dict.fromkeys(FromNode.__args__, _TO_THE_SENTINEL),
    **dict.fromkeys(FromSentinel.__args__, _FROM_THE_SENTINEL),
    **dict.fromkeys(BetweenNodes.__args__, _SAID_WITH_TENSORS),
}


def may_say(message: type[Message], sender: str, receiver: str, kind: LinkKind) -> bool:
    """Whether `sender` may say it to `receiver` on such a link; a message without a row is never allowed."""
    row = TABLE.get(message)
    return row is not None and kind in row.kinds and (sender, receiver) in row.pairs


def may_dial(dialler: str, listener: str, kind: LinkKind) -> bool:
    """Whether such a link may exist; a bulk link only where tensors may travel."""
    opening = Announce if kind is LinkKind.BULK else Hello
    return may_say(Hello, dialler, listener, kind) and may_say(opening, dialler, listener, kind)
