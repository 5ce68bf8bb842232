"""A TCP proxy that is a bad network: it delays, throttles, truncates and breaks connections, and records them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

BLOCK_BYTES = 64 * 1024


@dataclass
class Proxy:
    """Stands between two parties; change its fields while it runs."""

    target: tuple[str, int]
    delay_s: float = 0.0
    """Every block waits so long, each way."""
    bytes_per_s: float | None = None
    """Each way."""
    break_after_bytes: int | None = None
    """Towards the target; then the connection ends, in the middle of whatever it is."""
    politely: bool = False
    """Whether a break ends with FIN, as a truncation, or with a reset."""
    record: bool = False
    recorded: dict[str, bytearray] = field(default_factory=lambda: {"up": bytearray(), "down": bytearray()})
    connections: int = 0
    breaks: int = 0
    address: tuple[str, int] = ("", 0)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut(self) -> None:
        """Reset every connection."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            there, onward = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, onward}
        self._writers |= both
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._carry(reader, onward, "up", both))
                ways.create_task(self._carry(there, writer, "down", both))
        finally:
            self._writers -= both
            for one in both:
                one.transport.abort()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str, both: set[asyncio.StreamWriter]
    ) -> None:
        carried = 0
        with contextlib.suppress(OSError):
            while block := await reader.read(BLOCK_BYTES):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if self.bytes_per_s:
                    await asyncio.sleep(len(block) / self.bytes_per_s)
                limit = self.break_after_bytes
                if way == "up" and limit is not None and carried + len(block) > limit:
                    writer.write(block[: limit - carried])
                    self.breaks += 1
                    if not self.politely:
                        for one in both:
                            one.transport.abort()
                    break
                carried += len(block)
                if self.record:
                    self.recorded[way] += block
                writer.write(block)
                await writer.drain()
            if not writer.transport.is_closing() and writer.can_write_eof():
                writer.write_eof()


@contextlib.asynccontextmanager
async def proxy_to(target: tuple[str, int], **faults: object) -> AsyncIterator[Proxy]:
    """A running proxy in front of `target`."""
    proxy = Proxy(target, **faults)  # type: ignore[arg-type]
    tasks: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(proxy.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    proxy.address = server.sockets[0].getsockname()
    try:
        yield proxy
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
