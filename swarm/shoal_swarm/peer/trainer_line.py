"""The socket on which a peer hears its trainer: one trainer at a time, the newest one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, Self

import msgspec

from shoal_base.errors import PeerRefused, PlaceRefused
from shoal_base.home import OWNER_ONLY
from shoal_base.logs import get_log
from shoal_base.unix_sockets import bound
from shoal_swarm.merge import AdapterSpec
from shoal_swarm.merge import differences as adapter_differences
from shoal_swarm.trainer_link import places
from shoal_swarm.trainer_link.framing import LENGTH_BYTES, framed, from_trainer, length_in
from shoal_swarm.trainer_link.messages import LINK_VERSION, TEXT_CHARACTERS_MAX, Declined, FromPeer, FromTrainer, Ready

SHOWN: Final = "trainer.ready"
"""What the trainer showed at first, beside the socket."""
GREETING_S: Final = 30.0
Hear = Callable[[FromTrainer], None]


class TrainerLine:
    """Hears one trainer; remembers what it has to be told until it answers."""

    def __init__(self, folder: Path, config: bytes) -> None:
        self.folder = folder
        self._config = config
        self._shown = _remembered(folder)
        self._introduced = asyncio.Event()
        if self._shown is not None:
            self._introduced.set()
        self._writer: asyncio.StreamWriter | None = None
        self._unanswered: FromPeer | None = None
        self._hear: asyncio.Future[Hear] = asyncio.get_running_loop().create_future()
        self._log = get_log()

    @classmethod
    @asynccontextmanager
    async def listening(cls, folder: Path, note: places.LinkNote) -> AsyncIterator[Self]:
        """A line whose trainer may connect, for the length of the block."""
        line = cls(places.made(folder), bytes.fromhex(note.config))
        places.note_run(folder, note)
        server = await asyncio.start_unix_server(line._serve, sock=bound(folder, places.SOCKET_NAME))
        try:
            yield line
        finally:
            server.close()
            line._hang_up()
            for name in (places.SOCKET_NAME, places.NOTE):
                (folder / name).unlink(missing_ok=True)

    @property
    def is_connected(self) -> bool:
        """Whether a trainer is there."""
        return self._writer is not None

    async def introduced(self) -> Ready:
        """What the first trainer showed, in this start of the process or an earlier one."""
        await self._introduced.wait()
        assert self._shown is not None, "whoever introduced itself was noted"
        return self._shown

    def attend(self, hear: Hear) -> None:
        """Hand over what the trainer says; nothing that it said before is lost."""
        self._hear.set_result(hear)

    def say(self, message: FromPeer) -> None:
        """Say something to the trainer that is there now, if there is one."""
        if self._writer is not None:
            self._writer.write(framed(message))

    def say_until_answered(self, message: FromPeer) -> None:
        """Say something now and to every trainer that comes, until one has answered."""
        self._unanswered = message
        self.say(message)

    def answered(self) -> None:
        """What was said last need not be said again."""
        self._unanswered = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(GREETING_S):
                shown = await _next(reader)
            self._welcome(shown, writer)
            while True:
                message = await _next(reader)
                hear = await asyncio.shield(self._hear)
                if self._writer is not writer:
                    return
                hear(message)
        except (PeerRefused, PlaceRefused) as refusal:
            self._log.error("trainer_declined", sentence=str(refusal))
            writer.write(framed(Declined(sentence=str(refusal)[:TEXT_CHARACTERS_MAX])))
        except (OSError, EOFError, TimeoutError):
            self._log.info("trainer_disconnected")
        finally:
            if self._writer is writer:
                self._writer = None
            writer.close()

    def _welcome(self, shown: FromTrainer, writer: asyncio.StreamWriter) -> None:
        """Take this trainer if it trains what the others train; it takes the place of one that was there."""
        if not isinstance(shown, Ready):
            raise PeerRefused("A trainer says Ready before anything else.")
        if shown.version != LINK_VERSION:
            raise PeerRefused(
                f"This trainer speaks version {shown.version} of the link and this peer {LINK_VERSION}. Start both "
                "from one installation."
            )
        if shown.config != self._config:
            raise PeerRefused(
                f"This trainer has configuration {shown.config.hex()[:12]} and this peer {self._config.hex()[:12]}. "
                "Start both with the same task."
            )
        self._must_fit(shown)
        self._hang_up()
        self._writer = writer
        self._log.info("trainer_connected", examples=shown.examples)
        self._introduced.set()
        if self._unanswered is not None:
            self.say(self._unanswered)

    def _must_fit(self, shown: Ready) -> None:
        spec = AdapterSpec.from_bytes(shown.adapter)
        if self._shown is None:
            _remember(self.folder, shown)
            self._shown = shown
            return
        odd = list(adapter_differences(AdapterSpec.from_bytes(self._shown.adapter), spec))
        odd += [
            f"Its {title} is another one than when this run began on this node."
            for title, before, now in (
                ("base model", self._shown.base_model, shown.base_model),
                ("tokenizer", self._shown.tokenizer, shown.tokenizer),
                ("list of labels", self._shown.labels, shown.labels),
            )
            if before != now
        ]
        if odd:
            raise PeerRefused(" ".join(odd))

    def _hang_up(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


async def _next(reader: asyncio.StreamReader) -> FromTrainer:
    length = length_in(await reader.readexactly(LENGTH_BYTES))
    return from_trainer(await reader.readexactly(length))


def _remembered(folder: Path) -> Ready | None:
    with suppress(OSError, PeerRefused):
        found = from_trainer((folder / SHOWN).read_bytes())
        return found if isinstance(found, Ready) else None
    return None


def _remember(folder: Path, shown: Ready) -> None:
    fresh = folder / f"{SHOWN}.part"
    try:
        folder.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
        fresh.write_bytes(msgspec.msgpack.encode(shown))
        fresh.rename(folder / SHOWN)
    except OSError as problem:
        raise PlaceRefused(f"{fresh} cannot be written: {problem.strerror}. Free some space.") from problem
