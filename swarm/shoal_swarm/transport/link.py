"""A greeted connection: every incoming message passes customs, the last word is BYE, and an end has a reason."""

import asyncio
import time
from collections.abc import Callable

from shoal_base.logs import get_log
from shoal_swarm.protocol.messages import AnyMessage, Bye, Hello, Welcome, encode
from shoal_swarm.protocol.roles import LinkKind
from shoal_swarm.transport.contract import Buffer, Parcel, Party, Pipe
from shoal_swarm.transport.customs import Customs
from shoal_swarm.transport.reasons import LinkEnded, LinkRefused, Reason, link_error, reason_of


class GreetedLink:
    """The one kind of link there is, whatever pipe is below it."""

    def __init__(
        self, pipe: Pipe, customs: Customs, party: Party, *, dialled: bool, on_end: Callable[["GreetedLink"], None]
    ) -> None:
        self._pipe = pipe
        self._customs = customs
        self._party = party
        self._dialled = dialled
        self._on_end = on_end
        self._error: LinkEnded | LinkRefused | None = None
        self._fading: LinkEnded | LinkRefused | None = None
        self._left = False
        self._log = get_log(peer=party.identity.uri, link=customs.kind.value)
        self.opened_at = time.monotonic()

    def __repr__(self) -> str:
        state = self.ended or "open"
        return f"<Link {self.kind} to {self._party.identity} [{state}, {self.bytes_carried} bytes]>"

    @property
    def peer(self) -> Party:
        """Who is at the other end."""
        return self._party

    @property
    def kind(self) -> LinkKind:
        """What the link is for."""
        return self._customs.kind

    @property
    def dialled(self) -> bool:
        """Whether this side dialled."""
        return self._dialled

    @property
    def bytes_carried(self) -> int:
        """Both ways, so far."""
        return self._pipe.bytes_carried

    @property
    def ended(self) -> Reason | None:
        """Why the link is over, or None while it is not."""
        error = self._error or self._fading
        return None if error is None else error.reason

    async def send(self, message: AnyMessage, payload: Buffer | None = None) -> None:
        """Queue a message for the peer."""
        if error := self._error or self._fading:
            raise error
        frame = encode(message)
        assert len(frame) <= self._customs.limits.message_bytes_max, f"{type(message).__name__} is too long to send"
        try:
            await self._pipe.send([frame] if payload is None else [frame, payload])
        except (LinkEnded, LinkRefused) as end:
            # Why it ended may still be among what came in; whoever receives will find it.
            self._fading = self._fading or end
            self._leave()
            raise

    async def receive(self) -> Parcel:
        """The peer's next message; one caller at a time."""
        if self._error is not None:
            raise self._error
        try:
            parcel = self._customs.inspect(await self._pipe.receive())
            self._customs.count(parcel, now=time.monotonic())
        except LinkRefused as refusal:
            await self._refuse(refusal)
            raise
        except LinkEnded as end:
            raise self._ended(end) from end
        if isinstance(parcel.message, Bye):
            reason = reason_of(parcel.message.reason, Reason.CLOSED)
            error = self._ended(link_error(reason, self._party.identity.uri, "said by the other side"))
            await self._pipe.finish()
            raise error
        if isinstance(parcel.message, Hello | Welcome):
            raise await self.refuse(Reason.OUT_OF_TURN, "greeted twice")
        return parcel

    async def refuse(self, reason: Reason, detail: str) -> LinkRefused:
        """Close because of what the peer did; the error to raise."""
        refusal = LinkRefused(reason, self._party.identity.uri, detail)
        await self._refuse(refusal)
        return refusal

    async def close(self, reason: Reason = Reason.CLOSED) -> None:
        """Say BYE with a reason, deliver it, and close."""
        if self._error is None:
            await self._part(link_error(reason, self._party.identity.uri))

    async def _refuse(self, refusal: LinkRefused) -> None:
        if self._error is None:
            self._log.warning("peer_refused", reason=refusal.reason.value, detail=refusal.detail)
            await self._part(refusal)

    async def _part(self, error: LinkEnded | LinkRefused) -> None:
        self._ended(error)
        await part(self._pipe, error.reason, self._customs.limits.goodbye_s)

    def _ended(self, error: LinkEnded | LinkRefused) -> LinkEnded | LinkRefused:
        if self._error is None:
            self._error = error
            self._log.info("link_closed", reason=error.reason.value, detail=error.detail)
            self._leave()
        return self._error

    def _leave(self) -> None:
        if not self._left:
            self._left = True
            self._on_end(self)


_NO_LAST_WORD = frozenset({Reason.REVOKED, Reason.EXPIRED})


async def part(pipe: Pipe, reason: Reason, goodbye_s: float) -> None:
    """Say why, if the other side still listens, and close; whoever lost our trust is not waited for."""
    if reason in _NO_LAST_WORD:
        pipe.abort(reason)
        return
    try:
        async with asyncio.timeout(goodbye_s):
            await pipe.send([encode(Bye(reason=reason.value))])
            await pipe.finish()
    except (LinkEnded, LinkRefused, TimeoutError):
        pipe.abort(reason)
    except BaseException:  # whoever no longer waits for the goodbye must not leave the pipe open
        pipe.abort(reason)
        raise
