"""How fast the wire is, against what it is made of: plain ZeroMQ, ZeroMQ with CURVE, and a raw TLS socket.

    python -m tests.benchmarks.wire [--quick] [--json FILE] [--passes N] [--folder DIR]

All ways take turns in every pass, so that a busy minute of the machine hits all of them; the figure is the
median over passes, and goals are ratios of such medians. Nothing runs in parallel with what is measured.

How to read it. A link is used from an event loop, and on one an echo over plain ZeroMQ alone takes about
twice as long as in a blocking loop. The goal for round trips is set against the blocking loop, which is as fast as
ZeroMQ gets; the ratio of like with like, asyncio at both ends of both, is printed beside it. On a machine that is
busy with other things, a way with more threads gets more of it and looks better than it is: then believe the CPU
seconds, which the last rows compare as well, and not the rates.

Where the time of a round trip goes. A message crosses three threads at each end: the application, libzmq's, the
pump. So there and back are eleven wake-ups where plain ZeroMQ has six, and application and pump pass the interpreter
lock to each other. In CPU time: 48 us for plain ZeroMQ, 124 with asyncio at both ends, 400 for a link. Of those 400
libzmq's threads take 40; the applications 205, of which 85 are asyncio's own (plain ZeroMQ with asyncio has them too)
and the rest calls into libzmq for two frames, customs and the link; the pumps 150, half of it kernel and OpenSSL.
Five times plain ZeroMQ is 240: asyncio's 124 and that half of the pumps leave 40 for everything that pumps and links
do in Python, which takes 200 now. That goal is missed by any link of this structure that is written in Python.

Where a gigabyte goes. A link encrypts and uses TCP as raw TLS does, and copies everything through a local socket at
both ends. Bulk adds one hash at the receiver (and one at the sender before the clock starts), and a file at each end.
The rows called "floor" measure just these, each alone and without threads, and add them to what raw TLS took: about
2.7 s per GB, where raw TLS takes 1.5 and nearly fills two cores. So where two cores do the work of both ends, bulk can
reach 0.56 of raw TLS if libzmq, Python, threads and page faults cost nothing at all; 0.5 leaves them 0.3 s per GB,
and a bare link alone spends 0.5 beyond its part of the floor.

What was tried for round trips: asking libzmq before trying to receive (a failed attempt makes an exception, 22 us,
three times what asking costs), asking once and not three times, plain numbers for pyzmq's flags, following frame
headers without copying them, telling `poll` only what changed: together about a fifth. Receiving frames one by one
and not by `recv_multipart`, and copying small ones to libzmq: 3 us of 8 for each message, 3 % of a trip, where a tenth
was hoped for. A shorter switch interval of the interpreter (0.5 ms) and relay buffers of 128 KiB and 1 MiB made no
difference above the noise. Spinning was not tried: it shortens wake-ups, but here the cores are busy for as long as
the trip takes.

What was tried for bulk, in CPU seconds per GB of both sides, description included, from 5.1: one hash of everything
up to each chunk's end in place of one per chunk and one of the whole, and batches of chunks for each hand-over to
a thread: predicted 0.8 less, got 0.4, because batches are freed together, so the C library returned their pages to
the kernel and fetched them again (250,000 faults per GB); letting it keep 16 MiB: 0.5 less, and the rest of what was
predicted, down to 4.1. Batches of four chunks and 8 MiB kept: 4.6, so it is eight and 16. Claiming the room on the disk
beside the first chunks costs the same, but nobody waits for it. TLS over memory buffers, for fewer and larger system
calls, made no difference above the noise (1.9 to 2.7 against 2.1 to 2.8 s per GB, TLS alone on a busy machine).
"""

import multiprocessing
import os
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from statistics import median

import click
import zmq

from tests.benchmarks.bench import Bench, cpu_s, forget_peak, peak_bytes
from tests.benchmarks.floor import floor_s_per_gb
from tests.benchmarks.ways import (
    our_client,
    our_server,
    tls_client,
    tls_server,
    zmq_asyncio_client,
    zmq_asyncio_server,
    zmq_client,
    zmq_server,
)
from tests.parties import Town

SPAWN = multiprocessing.get_context("spawn")
MIB = 1 << 20
ASKS = 300
ASKED = {"plain": "blocking", "plain-asyncio": "asyncio", "curve": "blocking", "tls": "blocking", "link": "asyncio"}
"""The ways that echo, and how the application at both of their ends waits."""


@dataclass
class Way:
    """A server and its callers, each a process of its own."""

    name: str
    server: SpawnProcess
    clients: list[tuple[SpawnProcess, Connection]]

    def order(self, what: str, number: int) -> float:
        """One caller's seconds."""
        pipe = self.clients[0][1]
        pipe.send((what, number))
        return float(pipe.recv())

    def order_all(self, mib: int) -> float:
        """All callers at once; seconds until the last one is done."""
        begin = time.perf_counter()
        for _, pipe in self.clients:
            pipe.send(("send", mib))
        for _, pipe in self.clients:
            pipe.recv()
        return time.perf_counter() - begin

    def pids(self) -> list[int]:
        return [process.pid for process in (self.server, *(client for client, _ in self.clients)) if process.pid]

    def stop(self) -> None:
        for process in (self.server, *(client for client, _ in self.clients)):
            process.terminate()
            process.join()


def start(name: str, town: Town, folder: Path, callers: int = 1) -> Way:
    """Start one way."""
    here, there = SPAWN.Pipe()
    keys = zmq.curve_keypair() if name == "curve" else None
    receiver = f"{name}-receiver"
    inbox = folder / f"{name}-in"
    match name:
        case "plain" | "curve":
            server = SPAWN.Process(target=zmq_server, args=(there, keys))
        case "plain-asyncio":
            server = SPAWN.Process(target=zmq_asyncio_server, args=(there,))
        case "tls":
            server = SPAWN.Process(target=tls_server, args=(there, town.files(receiver)))
        case _:
            bulk = {"bulk": name.startswith("bulk")}
            server = SPAWN.Process(target=our_server, args=(there, town.files(receiver), inbox), kwargs=bulk)
    server.start()
    address = here.recv()
    clients = []
    for number in range(callers):
        ours, theirs = SPAWN.Pipe()
        files = town.files(f"{name}-sender-{number}")
        match name:
            case "plain" | "curve":
                client = SPAWN.Process(target=zmq_client, args=(theirs, address, keys))
            case "plain-asyncio":
                client = SPAWN.Process(target=zmq_asyncio_client, args=(theirs, address))
            case "tls":
                client = SPAWN.Process(target=tls_client, args=(theirs, address, files))
            case _:
                payload = folder / f"{name}-payload-{number}" if name.startswith("bulk") else None
                if payload is not None:
                    payload.touch()
                client = SPAWN.Process(target=our_client, args=(theirs, address, files, receiver, payload))
        client.start()
        theirs.close()
        clients.append((client, ours))
    return Way(name, server, clients)


def aes_gcm_mb_per_s(folder: Path) -> float:
    """What one core encrypts, by OpenSSL's own measure: no wire over TLS can be faster on that core."""
    import subprocess  # noqa: PLC0415 - only here

    command = ["openssl", "speed", "-seconds", "1", "-bytes", "16384", "-evp", "aes-256-gcm"]
    out = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder).stdout
    return float(out.split()[-1].rstrip("k")) / 1000


class Clock:
    """What each way took, by what it was asked for: seconds, and CPU seconds of all its processes."""

    def __init__(self) -> None:
        self.wall: dict[tuple[str, str, int], list[float]] = defaultdict(list)
        self.cpu: dict[tuple[str, str, int], list[float]] = defaultdict(list)

    def take(self, way: Way, order: str, number: int) -> None:
        """Give the order, and note what it took."""
        before = sum(cpu_s(pid) for pid in way.pids())
        self.wall[way.name, order, number].append(way.order(order, number))
        self.cpu[way.name, order, number].append(sum(cpu_s(pid) for pid in way.pids()) - before)

    def forget(self) -> None:
        """What came so far was warming up."""
        self.wall.clear()
        self.cpu.clear()


def measure(bench: Bench, town: Town, folder: Path, sizes: list[int], passes: int) -> dict[tuple[str, int], float]:
    """Round trips of all ways that can be asked, and throughput by way and size, which is returned."""
    ways = [start(name, town, folder) for name in (*ASKED, "bulk")]
    clock = Clock()
    try:
        for turn in range(passes + 1):
            for way in ways:
                if way.name != "bulk":
                    clock.take(way, "ask", ASKS)
                for mib in sizes if way.name != "plain-asyncio" else ():
                    clock.take(way, "send", mib)
            if not turn:
                clock.forget()
    finally:
        for way in ways:
            way.stop()
    rates = {}
    for (name, order, number), times in clock.wall.items():
        cpu = median(clock.cpu[name, order, number])
        if order == "ask":
            trip = {"round_trip_us": round(median(times) * 1e6, 1), "cpu_us": round(cpu / number * 1e6)}
            bench.row(way=name, application=ASKED[name], **trip)
        else:
            # Bulk includes nothing of describing its content, which happens before the clock starts; its CPU does.
            rates[name, number] = number * MIB / 1e6 / median(times)
            rate = {"mb_per_s": round(rates[name, number], 1), "cpu_s_per_gb": round(cpu / (number * MIB / 1e9), 2)}
            bench.row(way=name, mib=number, **rate)
    judge_round_trips(bench, {name: median(times) for (name, order, _), times in clock.wall.items() if order == "ask"})
    compare_cpu(bench, clock, sizes)
    gb = sizes[-1] * MIB / 1e9
    show_floor(bench, folder, passes, median(clock.cpu["tls", "send", sizes[-1]]) / gb)
    return rates


def compare_cpu(bench: Bench, clock: Clock, sizes: list[int]) -> None:
    """What our ways cost a processor, as raw TLS would have it."""
    for name in ("link", "bulk"):
        shares = {
            mib: median(clock.cpu["tls", "send", mib]) / median(clock.cpu[name, "send", mib]) for mib in sizes[1:]
        }
        for mib, share in shares.items():
            bench.row(way=f"raw TLS / {name}", mib=mib, cpu=round(share, 2))


def show_floor(bench: Bench, folder: Path, passes: int, tls_s_per_gb: float) -> None:
    """What a link and bulk cannot go below, and so the largest share of raw TLS that bulk could reach."""
    parts = floor_s_per_gb(folder, passes)
    for name, cpu in parts.items():
        bench.row(way=f"floor: {name}", cpu_s_per_gb=round(cpu, 2))
    both = tls_s_per_gb + sum(parts.values())
    bench.row(
        way="floor: raw TLS and all of these", cpu_s_per_gb=round(both, 2), raw_tls_of_it=round(tls_s_per_gb / both, 2)
    )


def judge_round_trips(bench: Bench, trip: dict[str, float]) -> None:
    """The goal is set against ZeroMQ at its fastest; the ratio of like with like is there to see."""
    name = "round trip of 1 KiB, link (asyncio) / plain ZeroMQ (blocking)"
    bench.goal(name, trip["link"] / trip["plain"], "<=", 5)
    for name, face in (("plain-asyncio", "asyncio"), ("tls", "blocking")):
        ratio = round(trip["link"] / trip[name], 3)
        bench.row(way=f"link (asyncio) / {name} ({face})", round_trips=ratio, goal="none")


def measure_crowd(bench: Bench, town: Town, folder: Path, mib: int, passes: int) -> None:
    """Eight senders to one receiver."""
    for name in ("link8", "bulk8"):
        way = start(name, town, folder, callers=8)
        try:
            times = [way.order_all(mib) for _ in range(passes + 1)][1:]
        finally:
            way.stop()
        rate = 8 * mib * MIB / 1e6 / median(times)
        bench.row(way=name, mib=8 * mib, mb_per_s=round(rate, 1))


def measure_memory(bench: Bench, town: Town, folder: Path, mib: int) -> None:
    """How much memory one long transfer takes, on both sides, beyond what the process holds when idle."""
    way = start("bulk-memory", town, folder)
    try:
        way.order("send", 64)
        idle = {pid: forget_peak(pid) for pid in way.pids()}
        took = way.order("send", mib)
        grown = [(peak_bytes(pid) - held) / MIB for pid, held in idle.items()]
    finally:
        way.stop()
    bench.row(way="bulk-memory", mib=mib, grown_mib=grown, mb_per_s=round(mib * MIB / 1e6 / took, 1))
    bench.goal(f"memory above idle for {mib} MiB, larger of both sides, MiB", max(grown), "<=", 64)


@click.command()
@click.option("--quick", is_flag=True, help="Fewer passes, smaller sizes; ends within a minute.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write figures and goals to this file.")
@click.option("--passes", default=7, show_default=True)
@click.option("--folder", type=click.Path(path_type=Path), help="Where contents lie; /dev/shm leaves the disk out.")
def main(*, quick: bool, json_file: Path | None, passes: int, folder: Path | None) -> None:
    """Measure the wire."""
    bench = Bench.begun("The wire", quick=quick, json_file=json_file)
    sizes = [1, 64] if quick else [1, 64, 256]
    passes = 4 if quick else passes
    with tempfile.TemporaryDirectory(dir=folder, prefix="shoal-bench-") as place:
        base = Path(place)
        town = Town(base)
        bench.row(way="aes-256-gcm, one core", mb_per_s=aes_gcm_mb_per_s(base))
        rates = measure(bench, town, base, sizes, passes)
        measure_crowd(bench, town, base, 8 if quick else 64, 2 if quick else 3)
        measure_memory(bench, town, base, 128 if quick else 1024)
    bench.goal("link / raw TLS at 64 MiB", rates["link", 64] / rates["tls", 64], ">=", 0.65)
    bench.goal("link / CURVE at 64 MiB", rates["link", 64] / rates["curve", 64], ">=", 0.85)
    bench.goal("verified bulk / raw TLS at 64 MiB", rates["bulk", 64] / rates["tls", 64], ">=", 0.5)
    bench.row(load_after=os.getloadavg()[0])
    bench.finish()


if __name__ == "__main__":
    main()
