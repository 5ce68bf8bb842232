"""One incoming transfer: what must come next, what it must hash to, and how slow a sender may be. Pure."""

from collections import deque
from dataclasses import dataclass, field

from shoal_swarm.protocol.messages import DIGEST_BYTES, HASHES_PER_LIST, Announce, Chunk, Grant, Hashes, Level
from shoal_swarm.transport.bulk.tree import chunk_length, chunks_in, group_digest, groups_in, root_digest
from shoal_swarm.transport.limits import Limits
from shoal_swarm.transport.reasons import LinkRefused, Reason


@dataclass(slots=True)
class Receiving:
    """What has come of one content; `position` chunks are on disk and verified, further ones wait for it."""

    announce: Announce
    position: int
    limits: Limits
    about: str
    began_at: float
    _due: int = field(init=False)
    _granted: int = field(init=False, default=0)
    _top: bytes | None = field(init=False, default=None)
    _group: int | None = field(init=False, default=None)
    _hashes: bytes = field(init=False, default=b"")
    _moved: deque[tuple[float, int]] = field(init=False)

    def __post_init__(self) -> None:
        """The clock of the sender starts now."""
        self._due = self.position
        self._moved = deque([(self.began_at, 0)])

    @property
    def chunks(self) -> int:
        """How many there are in all."""
        return chunks_in(self.announce.size)

    @property
    def complete(self) -> bool:
        """Whether every chunk is here."""
        return self.position == self.chunks

    @property
    def awaits_more(self) -> bool:
        """Whether a chunk that was granted has not come yet."""
        return self._due < self._granted

    def grant(self) -> Grant | None:
        """More credit, when at least half a window is free."""
        until = min(self.chunks, self.position + self.limits.window_chunks)
        if until == self._granted or (until < self.chunks and until - self._granted < self.limits.window_chunks // 2):
            return None
        self._granted = until
        return Grant(transfer=self.announce.transfer, first=self.position, until=until)

    def take_hashes(self, message: Hashes) -> None:
        """A list, checked against what is above it."""
        if message.level is Level.TOP:
            self._take_top(message)
        else:
            self._take_group(message)

    def expect(self, message: Chunk, length: int) -> bytes:
        """The hash that everything up to the end of this chunk must have, if it is its turn."""
        group, place = divmod(message.index, HASHES_PER_LIST)
        in_turn = message.index == self._due < self._granted and group == self._group
        if not in_turn or length != chunk_length(self.announce.size, message.index):
            detail = f"chunk {message.index} of {length} bytes, where chunk {self._due} was due"
            raise LinkRefused(Reason.OUT_OF_TURN, self.about, detail)
        self._due += 1
        return self._hashes[place * DIGEST_BYTES : (place + 1) * DIGEST_BYTES]

    def written(self, chunks: int, length: int, *, now: float) -> None:
        """So many more chunks are on disk, of so many bytes together."""
        self.position += chunks
        self._moved.append((now, length))
        while len(self._moved) > 1 and self._moved[1][0] <= now - self.limits.pace_window_s:
            self._moved.popleft()

    def too_slow(self, *, now: float) -> Reason | None:
        """Why the sender is given up, if it is."""
        if now - self._moved[-1][0] > self.limits.stall_s:
            return Reason.STALLED
        window_s = self.limits.pace_window_s
        recent = sum(length for at, length in self._moved if at > now - window_s)
        if now - self.began_at > window_s and recent < window_s * self.limits.pace_bytes_per_s:
            return Reason.TOO_SLOW
        return None

    def _take_top(self, message: Hashes) -> None:
        wanted = groups_in(self.chunks) * DIGEST_BYTES
        if self._top is not None or message.group or len(message.hashes) != wanted:
            raise LinkRefused(Reason.OUT_OF_TURN, self.about, "a top list that was not due")
        if root_digest(self.announce.size, message.hashes) != self.announce.root:
            raise LinkRefused(Reason.WRONG_HASH, self.about, "the top list is not the one that was announced")
        self._top = message.hashes

    def _take_group(self, message: Hashes) -> None:
        due = self._due // HASHES_PER_LIST
        wanted = min(HASHES_PER_LIST, self.chunks - due * HASHES_PER_LIST) * DIGEST_BYTES
        if self._top is None or message.group != due or self._group == due or len(message.hashes) != wanted:
            raise LinkRefused(Reason.OUT_OF_TURN, self.about, f"list {message.group}, which was not due")
        if group_digest(due, message.hashes) != self._top[due * DIGEST_BYTES : (due + 1) * DIGEST_BYTES]:
            raise LinkRefused(Reason.WRONG_HASH, self.about, f"list {due} is not the one that the top list names")
        self._group, self._hashes = due, message.hashes
