"""Everything that two parties can say to each other: a closed union, decoded strictly.

A message is one msgpack map with its `kind`. Some messages have a payload: raw bytes in a second frame, never
inside the map, so that a tensor is neither copied by the codec nor seen by it. What is larger than the caller
allows is refused before a byte of it is decoded, and what decodes has no unknown field, no wrong type and no
value outside its bounds.
"""

from enum import StrEnum
from typing import Annotated, Final, TypeAlias

import msgspec

from shoal_base.errors import PeerRefused
from shoal_swarm.protocol.base import Message
from shoal_swarm.protocol.round_messages import Batch, RoundMessage

PROTOCOL_VERSIONS: Final = (1,)
"""What this build speaks, the best last."""

DIGEST_BYTES: Final = 32
HASHES_PER_LIST: Final = 1024
LIST_BYTES_MAX: Final = DIGEST_BYTES * HASHES_PER_LIST
CHUNK_BYTES: Final = 1 << 20
"""A transfer travels in pieces of this size; only the last may be shorter."""

CHUNKS_MAX: Final = HASHES_PER_LIST * HASHES_PER_LIST
TRANSFER_BYTES_MAX: Final = CHUNK_BYTES * CHUNKS_MAX
"""What two levels of hash lists can name: 1 TiB."""

Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Word: TypeAlias = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9-]{0,63}$")]
Digest: TypeAlias = Annotated[bytes, msgspec.Meta(min_length=DIGEST_BYTES, max_length=DIGEST_BYTES)]
Version: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Number: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
ChunkIndex: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=CHUNKS_MAX)]
Size: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=TRANSFER_BYTES_MAX)]
REVOCATIONS_BYTES_MAX: Final = 56 << 10
"""What fits into one message: about 1,100 revoked certificates."""
RevocationBytes: TypeAlias = Annotated[bytes, msgspec.Meta(min_length=1, max_length=REVOCATIONS_BYTES_MAX)]
HashBytes: TypeAlias = Annotated[bytes, msgspec.Meta(min_length=DIGEST_BYTES, max_length=LIST_BYTES_MAX)]


class Hello(Message, frozen=True, tag="hello"):
    """The dialler's first word; nothing else is heard before it."""

    sender: Name
    """Who speaks; must be whom the certificate names."""

    versions: Annotated[tuple[Version, ...], msgspec.Meta(min_length=1, max_length=8)]
    """Every protocol version that the dialler speaks."""


class Welcome(Message, frozen=True, tag="welcome"):
    """The listener's answer: the dialler's certificate was accepted and the link is open."""

    sender: Name
    version: Version
    """The one that both will speak."""


class Bye(Message, frozen=True, tag="bye"):
    """The last word: why the sender closes the link."""

    reason: Word


class Ping(Message, frozen=True, tag="ping"):
    """Are you there? A payload comes back as it is."""

    number: Number


class Pong(Message, frozen=True, tag="pong"):
    """The answer to the ping of that number."""

    number: Number


class Revocations(Message, frozen=True, tag="revocations"):
    """The newest revocation list that this sentinel has. It is believed for the authority's signature alone."""

    pem: RevocationBytes


class Announce(Message, frozen=True, tag="announce"):
    """I hold this content and offer it; if it fits into one chunk it is the payload."""

    transfer: Number
    """The announcing side's number for this transfer on this link."""

    content: Digest
    """BLAKE3 of all bytes: the content's name, whoever holds it."""

    size: Size
    root: Digest
    """Binds the lists of chunk hashes."""


class Grant(Message, frozen=True, tag="grant"):
    """Send chunks `first` up to, not including, `until`; what is before `first` is here and verified."""

    transfer: Number
    first: ChunkIndex
    until: ChunkIndex


class Level(StrEnum):
    """Where a list of hashes stands in the tree."""

    TOP = "top"
    CHUNKS = "chunks"


class Hashes(Message, frozen=True, tag="hashes"):
    """One list of the hash tree: the hashes of the lists below, or those up to the end of each of up to 1024 chunks."""

    transfer: Number
    level: Level
    group: Number
    """Which list of its level; the top level has only number 0."""

    hashes: HashBytes


class Chunk(Message, frozen=True, tag="chunk"):
    """One chunk; its bytes are the payload."""

    transfer: Number
    index: ChunkIndex


class Done(Message, frozen=True, tag="done"):
    """Every byte arrived, was verified and is durable at the receiver."""

    transfer: Number


class Decline(Message, frozen=True, tag="decline"):
    """The receiver does not want the transfer, or not any longer."""

    transfer: Number
    reason: Word


class Withdraw(Message, frozen=True, tag="withdraw"):
    """The sender gives the transfer up."""

    transfer: Number
    reason: Word


AnyMessage: TypeAlias = (
    Hello
    | Welcome
    | Bye
    | Ping
    | Pong
    | Revocations
    | Announce
    | Grant
    | Hashes
    | Chunk
    | Done
    | Decline
    | Withdraw
    | RoundMessage
)

ALL_MESSAGES: Final[tuple[type[Message], ...]] = tuple(AnyMessage.__args__)
PAYLOAD_CARRIERS: Final[frozenset[type[Message]]] = frozenset({Ping, Pong, Announce, Chunk, Batch})
PAYLOAD_REQUIRED: Final = (Chunk, Batch)
"""Without their bytes these say nothing."""


_QUOTED_CHARACTERS_MAX: Final = 160


class MessageRefused(PeerRefused):
    """Bytes that are no message of ours."""


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final[msgspec.msgpack.Decoder[AnyMessage]] = msgspec.msgpack.Decoder(AnyMessage)


def encode(message: AnyMessage) -> bytes:
    """The one frame of `message`; its payload, if it has one, is a frame of its own."""
    return _ENCODER.encode(message)


def decode(frame: bytes | memoryview, *, bytes_max: int) -> AnyMessage:
    """The message in `frame`, or `MessageRefused`."""
    if len(frame) > bytes_max:
        raise MessageRefused(f"A message of {len(frame)} bytes is refused: {bytes_max} is the limit here.")
    try:
        return _DECODER.decode(frame)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as problem:
        # The codec repeats what the peer wrote, which may be long and is not fit for a log as it is.
        said = ascii(str(problem)[:_QUOTED_CHARACTERS_MAX])[1:-1]
        raise MessageRefused(f"A message is refused: {said}.") from problem
