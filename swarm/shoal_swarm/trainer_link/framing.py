"""Messages as bytes: four bytes of length, then the message in msgpack. Bytes in, messages out; no socket here."""

from typing import Final

import msgspec

from shoal_base.errors import PeerRefused
from shoal_swarm.trainer_link.messages import MESSAGE_BYTES_MAX, FromPeer, FromTrainer

LENGTH_BYTES: Final = 4
_ENCODER: Final = msgspec.msgpack.Encoder()
_OF_TRAINER: Final[msgspec.msgpack.Decoder[FromTrainer]] = msgspec.msgpack.Decoder(FromTrainer)
_OF_PEER: Final[msgspec.msgpack.Decoder[FromPeer]] = msgspec.msgpack.Decoder(FromPeer)


def framed(message: FromTrainer | FromPeer) -> bytes:
    """What goes over the socket."""
    content = _ENCODER.encode(message)
    return len(content).to_bytes(LENGTH_BYTES) + content


def length_in(head: bytes) -> int:
    """How many bytes follow; refused where that is more than any message has."""
    length = int.from_bytes(head)
    if length > MESSAGE_BYTES_MAX:
        raise PeerRefused(f"A message of {length} bytes is refused: at most {MESSAGE_BYTES_MAX} are read.")
    return length


def from_trainer(content: bytes) -> FromTrainer:
    """What a trainer said."""
    try:
        return _OF_TRAINER.decode(content)
    except msgspec.MsgspecError as problem:
        raise PeerRefused(f"The trainer said what is no message of ours: {problem}.") from problem


def from_peer(content: bytes) -> FromPeer:
    """What a peer said."""
    try:
        return _OF_PEER.decode(content)
    except msgspec.MsgspecError as problem:
        raise PeerRefused(f"The peer said what is no message of ours: {problem}.") from problem
