"""What is asked of everything that comes in on a link, before anybody acts on it. Pure.

In this order: how many frames, how large, does it decode, does a payload stand where one belongs, may this
role say it here, and does it claim to be from whom the certificate names.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from shoal_certs.identity import Identity
from shoal_swarm.protocol.messages import (
    PAYLOAD_CARRIERS,
    PAYLOAD_REQUIRED,
    AnyMessage,
    Chunk,
    Hello,
    MessageRefused,
    Welcome,
    decode,
)
from shoal_swarm.protocol.roles import LinkKind, may_say
from shoal_swarm.transport.contract import Buffer, Parcel
from shoal_swarm.transport.limits import Limits
from shoal_swarm.transport.reasons import LinkRefused, Reason


@dataclass(slots=True)
class Customs:
    """The checks of one link."""

    me: Identity
    peer: Identity
    kind: LinkKind
    limits: Limits
    _allowance: float = field(init=False)
    _counted_at: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Begin with a full allowance."""
        self._allowance = self.limits.messages_burst

    def inspect(self, frames: Sequence[Buffer], *, bytes_max: int | None = None) -> Parcel:
        """The parcel in `frames`, or `LinkRefused`."""
        if not 1 <= len(frames) <= self.limits.parts_max:
            raise self._refusal(Reason.TOO_MANY_PARTS, f"{len(frames)} frames")
        limit = self.limits.message_bytes_max if bytes_max is None else bytes_max
        if len(frames[0]) > limit:
            raise self._refusal(Reason.TOO_LONG, f"a message of {len(frames[0])} bytes, at most {limit}")
        try:
            message = decode(frames[0], bytes_max=limit)
        except MessageRefused as problem:
            raise self._refusal(Reason.MALFORMED, str(problem)) from problem
        payload = frames[1] if len(frames) > 1 else None
        self._check_payload(message, payload)
        if not may_say(type(message), self.peer.role, self.me.role, self.kind):
            detail = f"{type(message).__name__} from {self.peer.role} to {self.me.role} on {self.kind}"
            raise self._refusal(Reason.ROLE_MAY_NOT_SAY, detail)
        if isinstance(message, Hello | Welcome) and message.sender != self.peer.uri:
            raise self._refusal(Reason.OTHER_SENDER, f"it claims {message.sender!a}")
        return Parcel(message, payload)

    def count(self, parcel: Parcel, *, now: float) -> None:
        """Refuse a peer that says more than it may; chunks are not counted, they have credits."""
        if isinstance(parcel.message, Chunk):
            return
        since_s = 0.0 if self._counted_at is None else now - self._counted_at
        self._counted_at = now
        self._allowance = min(self.limits.messages_burst, self._allowance + since_s * self.limits.messages_per_s)
        if self._allowance < 1:
            raise self._refusal(Reason.FLOOD, f"more than {self.limits.messages_per_s:g} messages a second")
        self._allowance -= 1

    def _check_payload(self, message: AnyMessage, payload: Buffer | None) -> None:
        if payload is not None and type(message) not in PAYLOAD_CARRIERS:
            raise self._refusal(Reason.PAYLOAD_MISPLACED, f"{type(message).__name__} has no payload")
        if payload is None and isinstance(message, PAYLOAD_REQUIRED):
            raise self._refusal(Reason.PAYLOAD_MISPLACED, f"{type(message).__name__} came without its payload")

    def _refusal(self, reason: Reason, detail: str) -> LinkRefused:
        return LinkRefused(reason, self.peer.uri, detail)
