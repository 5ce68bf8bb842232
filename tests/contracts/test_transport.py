"""Guards the wire's contract: the same promises from TLS links and from their twin in memory."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from shoal_certs.identity import Role
from shoal_swarm.protocol.messages import Announce, AnyMessage, Bye, Chunk, Grant, Hello, Ping, Pong, Welcome, encode
from shoal_swarm.protocol.roles import LinkKind
from shoal_swarm.transport.bulk.courier import deliver
from shoal_swarm.transport.bulk.desk import BulkDesk
from shoal_swarm.transport.bulk.desks import Desks
from shoal_swarm.transport.bulk.hooks import Delivery
from shoal_swarm.transport.bulk.source import BytesSource
from shoal_swarm.transport.bulk.store import Store
from shoal_swarm.transport.contract import Link
from shoal_swarm.transport.keeper import keep_link
from shoal_swarm.transport.limits import DEFAULT_LIMITS
from shoal_swarm.transport.link import GreetedLink
from shoal_swarm.transport.reasons import LinkEnded, LinkRefused, Reason, TransferRefused
from tests.contracts.conftest import ANYWHERE, AnyEndpoint, World

MIB = 1 << 20
CONTROL, BULK = LinkKind.CONTROL, LinkKind.BULK


async def _linked(
    world: World, kind: LinkKind = CONTROL, roles: tuple[Role, Role] = (Role.NODE, Role.NODE)
) -> tuple[GreetedLink, GreetedLink, AnyEndpoint, AnyEndpoint]:
    ana, ben = await world.party("ana", roles[0]), await world.party("ben", roles[1])
    link = await ana.dial(await ben.listen(ANYWHERE), kind, ben.identity)
    return link, await ben.accept(), ana, ben


async def _end_of(link: GreetedLink) -> LinkEnded | LinkRefused:
    async with asyncio.timeout(10):
        while True:
            try:
                await link.receive()
            except (LinkEnded, LinkRefused) as end:
                return end


async def test_two_parties_know_each_other_by_certificate_and_talk_both_ways(world: World) -> None:
    to_ben, to_ana, ana, ben = await _linked(world)
    assert (to_ben.peer.identity, to_ana.peer.identity) == (ben.identity, ana.identity)
    assert (to_ben.dialled, to_ana.dialled) == (True, False)
    await to_ben.send(Ping(number=1), b"are you there")
    heard = await to_ana.receive()
    assert (heard.message, bytes(heard.payload)) == (Ping(number=1), b"are you there")
    await to_ana.send(Pong(number=1), b"")
    assert (await to_ben.receive()).message == Pong(number=1)


async def test_messages_arrive_in_order_and_none_is_lost_however_slow_the_reader(world: World) -> None:
    to_ben, to_ana, _, _ = await _linked(world)

    async def talk() -> None:
        for number in range(200):
            await to_ben.send(Ping(number=number), bytes([number]) * 50_000)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(talk())
        for number in range(200):
            parcel = await to_ana.receive()
            assert parcel.message == Ping(number=number)
            assert bytes(parcel.payload) == bytes([number]) * 50_000


async def test_a_sender_waits_when_nobody_reads(world: World) -> None:
    to_ben, to_ana, _, _ = await _linked(world, BULK)
    sent = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1.5):
            while True:
                await to_ben.send(Chunk(transfer=0, index=sent), bytes(MIB))
                sent += 1
    assert sent < 48, "what is in flight is bounded by queues and kernel buffers"
    assert (await to_ana.receive()).message == Chunk(transfer=0, index=0)


async def test_a_goodbye_delivers_what_was_said_before_it_and_carries_its_reason(world: World) -> None:
    to_ben, to_ana, _, _ = await _linked(world)
    await to_ben.send(Ping(number=1), b"last")
    await to_ben.close(Reason.TOO_OLD)
    assert (await to_ana.receive()).message == Ping(number=1)
    assert (await _end_of(to_ana)).reason is Reason.TOO_OLD
    with pytest.raises(LinkEnded):
        await to_ben.send(Ping(number=2))
    with pytest.raises(LinkEnded):
        await to_ana.send(Ping(number=2))


async def test_a_connection_that_ends_without_goodbye_is_an_error_on_both_sides(world: World) -> None:
    to_ben, to_ana, ana, ben = await _linked(world)
    world.cut(ana, ben)
    assert (await _end_of(to_ana)).reason in {Reason.TRUNCATED, Reason.BROKEN}
    assert (await _end_of(to_ben)).reason in {Reason.TRUNCATED, Reason.BROKEN}
    assert (await _end_of(to_ben)).may_help_to_retry
    assert not ana.links()
    assert not ben.links()


async def test_after_a_break_a_party_dials_again_and_is_heard(world: World) -> None:
    ana, ben = await world.party("ana"), await world.party("ben")
    address = await ben.listen(ANYWHERE)
    await ana.dial(address, CONTROL, ben.identity)
    await ben.accept()
    world.cut(ana, ben)
    again = await ana.dial(address, CONTROL, ben.identity)
    await again.send(Ping(number=3))
    assert (await (await ben.accept()).receive()).message == Ping(number=3)


async def test_a_kept_link_comes_back_after_every_end(world: World) -> None:
    ana, ben = await world.party("ana"), await world.party("ben")
    address = await ben.listen(ANYWHERE)
    brisk = replace(DEFAULT_LIMITS, retry_first_s=0.01, retry_max_s=0.05)
    ends: list[Reason] = []

    async def use(link: Link) -> None:
        await link.send(Ping(number=len(ends)))
        try:
            await link.receive()
        except (LinkEnded, LinkRefused) as end:
            ends.append(end.reason)
            raise

    keeping = asyncio.get_running_loop().create_task(keep_link(ana, address, ben.identity, use, limits=brisk))
    async with asyncio.timeout(20):
        for number, reason in enumerate((Reason.TOO_OLD, Reason.CLOSED, None, Reason.FLOOD, Reason.TOO_OLD)):
            link = await ben.accept()
            assert (await link.receive()).message == Ping(number=number)
            if reason is None:
                world.cut(ana, ben)
            else:
                await link.close(reason)
        link = await ben.accept()
        assert (await link.receive()).message == Ping(number=5)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        assert (await _end_of(link)).reason is Reason.CLOSED, "who keeps it no longer says goodbye"
    assert [ends[at] for at in (0, 1, 3, 4)] == [Reason.TOO_OLD, Reason.CLOSED, Reason.FLOOD, Reason.TOO_OLD]


async def test_a_link_is_kept_to_a_party_that_is_not_there_yet(world: World) -> None:
    ana, ben = await world.party("ana"), await world.party("ben")
    with socket.create_server(ANYWHERE) as somewhere:
        address = somewhere.getsockname()
    brisk = replace(DEFAULT_LIMITS, retry_first_s=0.01, retry_max_s=0.05)

    async def use(link: Link) -> None:
        await link.receive()

    with capture_logs() as logs:
        keeping = asyncio.get_running_loop().create_task(keep_link(ana, address, ben.identity, use, limits=brisk))
        await asyncio.sleep(0.3)
        said = [entry["reason"] for entry in logs if entry["event"] == "link_not_kept"]
        assert await ben.listen(address) == address
        async with asyncio.timeout(10):
            await ben.accept()
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
    assert said == [Reason.UNREACHABLE], "once, however often it was tried"


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        pytest.param([encode(Hello(sender="spiffe://reef/node/ana", versions=(1,)))], Reason.OUT_OF_TURN, id="hello"),
        pytest.param([encode(Hello(sender="spiffe://reef/node/eve", versions=(1,)))], Reason.OTHER_SENDER, id="other"),
        pytest.param([encode(Welcome(sender="spiffe://reef/node/eve", version=1))], Reason.OTHER_SENDER, id="other-w"),
        pytest.param([b"\x81\xa4kind\xa5never"], Reason.MALFORMED, id="unknown"),
        pytest.param([b"\x91" * 4000], Reason.MALFORMED, id="nested"),
        pytest.param([b""], Reason.MALFORMED, id="empty"),
        pytest.param([encode(Grant(transfer=0, first=0, until=1))], Reason.ROLE_MAY_NOT_SAY, id="bulk-on-control"),
        pytest.param([encode(Bye(reason="closed")), b"x"], Reason.PAYLOAD_MISPLACED, id="payload"),
        pytest.param([encode(Ping(number=1)) + b"\0" * 60_000], Reason.MALFORMED, id="trailing"),
    ],
)
async def test_what_no_honest_build_says_ends_the_link_for_its_reason(
    world: World, frames: list[bytes], reason: Reason
) -> None:
    to_ben, to_ana, _, ben = await _linked(world)
    await to_ben._pipe.send(frames)
    end = await _end_of(to_ana)
    assert isinstance(end, LinkRefused)
    assert end.reason is reason
    assert (await _end_of(to_ben)).reason is reason, "the one who is cut off hears why"
    assert not ben.links()


async def test_a_flood_of_messages_is_cut_off(world: World) -> None:
    ana = await world.party("ana")
    ben = await world.party("ben", limits=replace(DEFAULT_LIMITS, messages_burst=50, messages_per_s=1))
    to_ben = await ana.dial(await ben.listen(ANYWHERE), CONTROL, ben.identity)
    to_ana = await ben.accept()

    async def flood() -> None:
        with contextlib.suppress(LinkEnded, LinkRefused):
            while True:
                await to_ben.send(Ping(number=0))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(flood())
        assert (await _end_of(to_ana)).reason is Reason.FLOOD
        assert (await _end_of(to_ben)).reason is Reason.FLOOD


@pytest.mark.parametrize(
    ("dialler", "listener", "kind"),
    [
        (Role.SENTINEL, Role.NODE, CONTROL),
        (Role.OPERATOR, Role.NODE, CONTROL),
        (Role.AUDITOR, Role.NODE, BULK),
        (Role.NODE, Role.SENTINEL, BULK),
    ],
)
async def test_a_role_that_may_not_dial_gets_no_link(
    world: World, dialler: Role, listener: Role, kind: LinkKind
) -> None:
    ana, ben = await world.party("ana", dialler), await world.party("ben", listener)
    with pytest.raises(LinkRefused) as refusal:
        await ana.dial(await ben.listen(ANYWHERE), kind, ben.identity)
    assert refusal.value.reason is Reason.REFUSED_BY_PEER
    assert not ben.links()


async def test_somebody_else_at_the_address_is_refused(world: World) -> None:
    ana, ben, cleo = [await world.party(name) for name in ("ana", "ben", "cleo")]
    with pytest.raises(LinkRefused) as refusal:
        await ana.dial(await ben.listen(ANYWHERE), CONTROL, cleo.identity)
    assert refusal.value.reason is Reason.CERTIFICATE
    assert not ana.links()


def _agree(one: AnyEndpoint, other: AnyEndpoint) -> bool:
    links = (*one.links(), *other.links())
    return len(links) == 2 and links[0].dialled is not links[1].dialled


async def test_when_both_dial_both_keep_the_link_of_the_smaller_name(world: World) -> None:
    ana, ben = await world.party("ana"), await world.party("ben")
    at_ana, at_ben = await ana.listen(ANYWHERE), await ben.listen(ANYWHERE)
    await asyncio.gather(
        ana.dial(at_ben, CONTROL, ben.identity), ben.dial(at_ana, CONTROL, ana.identity), return_exceptions=True
    )
    async with asyncio.timeout(10):
        while not _agree(ana, ben):  # noqa: ASYNC110 - links have no event of their own
            await asyncio.sleep(0.01)
    assert ana.links()[0].dialled, "ana comes before ben"
    await ana.links()[0].send(Ping(number=9))
    assert (await ben.links()[0].receive()).message == Ping(number=9)


async def test_a_second_dial_replaces_the_first_link(world: World) -> None:
    ana, ben = await world.party("ana"), await world.party("ben")
    address = await ben.listen(ANYWHERE)
    first = await ana.dial(address, CONTROL, ben.identity)
    second = await ana.dial(address, CONTROL, ben.identity)
    assert (await _end_of(first)).reason is Reason.DUPLICATE
    await second.send(Ping(number=2))
    assert second.ended is None


async def test_one_identity_may_not_collect_links(world: World) -> None:
    ana = await world.party("ana")
    ben = await world.party("ben", limits=replace(DEFAULT_LIMITS, links_per_identity_max=1))
    address = await ben.listen(ANYWHERE)
    await ana.dial(address, CONTROL, ben.identity)
    with pytest.raises((LinkRefused, LinkEnded)) as refusal:
        await ana.dial(address, BULK, ben.identity)
    assert refusal.value.reason in {Reason.REFUSED_BY_PEER, Reason.TOO_MANY_LINKS}
    assert len(ben.links()) == 1


def _say_instead_of_hello(monkeypatch: pytest.MonkeyPatch, message: AnyMessage, padding: bytes = b"") -> None:
    def other(said: AnyMessage) -> bytes:
        return encode(message) + padding if isinstance(said, Hello) else encode(said)

    monkeypatch.setattr("shoal_swarm.transport.greeting.encode", other)


async def test_without_a_common_version_there_is_no_link(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ana, ben = await world.party("ana"), await world.party("ben")
    address = await ben.listen(ANYWHERE)
    _say_instead_of_hello(monkeypatch, Hello(sender=ana.identity.uri, versions=(9,)))
    with pytest.raises(LinkRefused) as refusal:
        await ana.dial(address, CONTROL, ben.identity)
    assert refusal.value.reason is Reason.NO_COMMON_VERSION


async def test_a_listener_that_keeps_silent_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ana, ben = await world.party("ana", limits=replace(DEFAULT_LIMITS, greeting_s=0.3)), await world.party("ben")
    address = await ben.listen(ANYWHERE)
    held = asyncio.Event()
    monkeypatch.setattr("shoal_swarm.transport.reception.greet_as_listener", lambda *_: held.wait())
    with pytest.raises(LinkEnded) as end:
        await ana.dial(address, CONTROL, ben.identity)
    assert end.value.reason is Reason.GREETING_LATE


async def test_a_greeting_that_is_too_long_or_none_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ana, ben = await world.party("ana"), await world.party("ben")
    address = await ben.listen(ANYWHERE)
    long = Ping(number=1), Reason.GREETING_TOO_LONG, bytes(5000)
    for message, reason, padding in (
        long,
        (Ping(number=1), Reason.NOT_GREETED, b""),
        (Bye(reason="closed"), Reason.CLOSED, b""),
    ):
        _say_instead_of_hello(monkeypatch, message, padding)
        with pytest.raises((LinkRefused, LinkEnded)) as refusal:
            await ana.dial(address, CONTROL, ben.identity)
        assert refusal.value.reason in {reason, Reason.REFUSED_BY_PEER}
    assert not ben.links()


@pytest.mark.parametrize("size", [0, 1, MIB, MIB + 1, 9 * MIB + 5])
async def test_a_content_arrives_whole_verified_and_is_not_sent_twice(world: World, tmp_path: Path, size: int) -> None:
    to_ben, to_ana, _, _ = await _linked(world, BULK)
    data = os.urandom(size)
    arrived: list[Delivery] = []
    receiving = BulkDesk(to_ana, Store(tmp_path / "in", 0), on_delivery=arrived.append)
    sending = BulkDesk(to_ben, Store(tmp_path / "out", 0))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(receiving.run())
        tasks.create_task(sending.run())
        seen: list[int] = []
        await sending.send(BytesSource(data), seen.append)
        await sending.send(BytesSource(data))
        await to_ben.close()
    assert [delivery.path.read_bytes() for delivery in arrived] == [data]
    assert seen[-1] == size
    assert sorted(seen) == seen
    assert [path.name for path in (tmp_path / "in").iterdir()] == [arrived[0].content.hex()]


async def test_both_ends_send_at_once_over_one_link(world: World, tmp_path: Path) -> None:
    to_ben, to_ana, _, _ = await _linked(world, BULK)
    contents = [os.urandom(3 * MIB + number) for number in range(8)]
    arrived: list[Delivery] = []
    desks = [
        BulkDesk(link, Store(tmp_path / name, 0), on_delivery=arrived.append)
        for link, name in ((to_ben, "ana"), (to_ana, "ben"))
    ]
    async with asyncio.TaskGroup() as tasks:
        for desk in desks:
            tasks.create_task(desk.run())
        await asyncio.gather(*(desks[at % 2].send(BytesSource(data)) for at, data in enumerate(contents)))
        await to_ben.close()
    assert sorted(delivery.path.read_bytes() for delivery in arrived) == sorted(contents)


async def test_two_who_send_all_they_may_to_each_other_never_wait_for_each_other(world: World, tmp_path: Path) -> None:
    to_ben, to_ana, _, _ = await _linked(world, BULK)
    contents = [os.urandom(20 * MIB + number) for number in range(6)]
    desks = [BulkDesk(link, Store(tmp_path / name, 0)) for link, name in ((to_ben, "ana"), (to_ana, "ben"))]
    async with asyncio.timeout(40), asyncio.TaskGroup() as tasks:
        for desk in desks:
            tasks.create_task(desk.run())
        await asyncio.gather(*(desks[at % 2].send(BytesSource(data)) for at, data in enumerate(contents)))
        await to_ben.close()


async def test_what_is_not_wanted_is_declined_and_the_link_lives_on(world: World, tmp_path: Path) -> None:
    to_ben, to_ana, _, _ = await _linked(world, BULK)
    wanted = BytesSource(os.urandom(2 * MIB))
    limits = replace(DEFAULT_LIMITS, transfer_bytes_max=4 * MIB)
    receiving = BulkDesk(
        to_ana,
        Store(tmp_path / "in", 0),
        limits=limits,
        wants=lambda _, announce: None if announce.content == wanted.description.content else Reason.UNWANTED,
    )
    sending = BulkDesk(to_ben, Store(tmp_path / "out", 0))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(receiving.run())
        tasks.create_task(sending.run())
        for data, reason in ((os.urandom(5 * MIB), Reason.TOO_LARGE), (os.urandom(10), Reason.UNWANTED)):
            with pytest.raises(TransferRefused) as refusal:
                await sending.send(BytesSource(data))
            assert refusal.value.reason is reason
        await sending.send(wanted)
        await to_ben.close()
    assert [path.stat().st_size for path in (tmp_path / "in").iterdir()] == [2 * MIB]


async def test_a_transfer_that_breaks_again_and_again_completes_from_what_has_arrived(
    world: World, tmp_path: Path
) -> None:
    ana, ben = await world.party("ana"), await world.party("ben")
    address = await ben.listen(ANYWHERE)
    data = os.urandom(40 * MIB)
    limits = replace(DEFAULT_LIMITS, window_chunks=4)
    store = Store(tmp_path / "in", 0)
    arrived: list[Delivery] = []
    starts: list[int] = []

    async def serve() -> None:
        async with Desks(ben, store, limits=limits, on_delivery=arrived.append) as desks:
            while True:
                desks.serve(await ben.accept())

    def note(bytes_there: int) -> None:
        if not starts or bytes_there > starts[-1] + 9 * MIB:
            starts.append(bytes_there)
            world.cut(ana, ben)

    async with asyncio.timeout(60), Desks(ana) as desks, asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(serve())
        await deliver(
            lambda: desks.reach(address, ben.identity),
            BytesSource(data),
            patience_s=20,
            on_progress=note,
        )
        serving.cancel()
    assert len(starts) >= 3, "it was cut at least three times"
    assert arrived[0].path.read_bytes() == data


@contextlib.asynccontextmanager
async def _desks(one: AnyEndpoint, folder: Path, arrived: list[bytes]) -> AsyncIterator[Desks]:
    """Desks that also serve whoever dials."""

    async def serve(desks: Desks) -> None:
        while True:
            desks.serve(await one.accept())

    def take(delivery: Delivery) -> None:
        arrived.append(delivery.path.read_bytes())

    async with Desks(one, Store(folder, 0), on_delivery=take) as desks, asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(serve(desks))
        yield desks
        serving.cancel()


async def test_two_who_deliver_to_each_other_do_it_over_a_link_each(world: World, tmp_path: Path) -> None:
    ana, ben = await world.party("ana"), await world.party("ben")
    at_ana, at_ben = await ana.listen(ANYWHERE), await ben.listen(ANYWHERE)
    arrived: list[bytes] = []
    contents = [os.urandom(3 * MIB + number) for number in range(8)]
    async with (
        asyncio.timeout(30),
        _desks(ana, tmp_path / "ana", arrived) as of_ana,
        _desks(ben, tmp_path / "ben", arrived) as of_ben,
    ):
        ways = ((of_ana, at_ben, ben.identity), (of_ben, at_ana, ana.identity))
        for half in (contents[:4], contents[4:]):
            await asyncio.gather(
                *(
                    deliver(lambda way=ways[at % 2]: way[0].reach(*way[1:]), BytesSource(data), patience_s=20)
                    for at, data in enumerate(half)
                )
            )
        for desks, address, peer in ways:
            assert (await desks.reach(address, peer)).link.dialled
        for one in (ana, ben):
            assert sorted(link.dialled for link in one.links()) == [False, True]
    assert sorted(arrived) == sorted(contents)


async def test_whoever_cannot_be_dialled_is_reached_over_the_link_that_it_dialled(world: World, tmp_path: Path) -> None:
    ana, ben = await world.party("ana"), await world.party("ben")
    at_ben, arrived = await ben.listen(ANYWHERE), list[bytes]()
    async with (
        asyncio.timeout(30),
        _desks(ana, tmp_path / "ana", arrived) as of_ana,
        _desks(ben, tmp_path / "ben", arrived) as of_ben,
    ):
        with pytest.raises(LinkEnded) as unknown:
            await of_ben.reach(None, ana.identity)
        assert unknown.value.reason is Reason.UNREACHABLE
        await (await of_ana.reach(at_ben, ben.identity)).send(BytesSource(b"there"))
        for nowhere in (None, ("127.0.0.1", 9)):
            await (await of_ben.reach(nowhere, ana.identity)).send(BytesSource(b"and back"))
        assert not ben.links()[0].dialled
    assert arrived == [b"there", b"and back"], "what is there already is not sent again"


async def test_a_bulk_link_that_nobody_uses_says_goodbye(world: World, tmp_path: Path) -> None:
    to_ben, to_ana, _, ben = await _linked(world, BULK)
    limits = replace(DEFAULT_LIMITS, bulk_idle_s=0.4)
    receiving, sending = BulkDesk(to_ana, Store(tmp_path, 0), limits=limits), BulkDesk(to_ben)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        ends = [tasks.create_task(desk.run()) for desk in (receiving, sending)]
        for _ in range(3):
            await sending.send(BytesSource(os.urandom(2 * MIB)))
            await asyncio.sleep(0.2)
            assert to_ben.ended is None
    assert [end.result().reason for end in ends] == [Reason.IDLE] * 2
    assert all(end.result().may_help_to_retry for end in ends)
    assert not ben.links()


async def test_a_wrong_chunk_ends_the_link_and_what_was_right_is_kept(world: World, tmp_path: Path) -> None:
    to_ben, to_ana, _, _ = await _linked(world, BULK)
    source = BytesSource(os.urandom(6 * MIB))
    honest = source.read
    source.read = lambda index: honest(index) if index < 3 else bytes(MIB)  # type: ignore[method-assign]
    sending, receiving = BulkDesk(to_ben, Store(tmp_path / "out", 0)), BulkDesk(to_ana, Store(tmp_path / "in", 0))
    async with asyncio.TaskGroup() as tasks:
        served = tasks.create_task(receiving.run())
        tasks.create_task(sending.run())
        with pytest.raises(LinkRefused):
            await sending.send(source)
    assert served.result().reason is Reason.WRONG_HASH
    hashes = next((tmp_path / "in").glob("*.hashes"))
    assert hashes.stat().st_size == 3 * 32


@pytest.mark.parametrize(
    ("message", "payload"),
    [
        (Chunk(transfer=5, index=0), b"x"),
        (Grant(transfer=0, first=0, until=1), None),
        (Announce(transfer=0, content=bytes(32), size=5 * MIB, root=bytes(32)), b"x"),
        (Announce(transfer=0, content=bytes(32), size=5, root=bytes(32)), None),
        (Announce(transfer=0, content=bytes(32), size=1, root=bytes(32)), b"x"),
        (Pong(number=1), None),
    ],
)
async def test_what_a_bulk_link_did_not_ask_for_ends_it(
    world: World, tmp_path: Path, message: object, payload: bytes | None
) -> None:
    to_ben, to_ana, _, _ = await _linked(world, BULK)
    desk = BulkDesk(to_ana, Store(tmp_path / "in", 0))
    await to_ben.send(message, payload)  # type: ignore[arg-type]
    async with asyncio.timeout(10):
        end = await desk.run()
    assert end.reason in {Reason.OUT_OF_TURN, Reason.PAYLOAD_MISPLACED, Reason.WRONG_HASH}
    assert isinstance(end, LinkRefused)
    assert not list((tmp_path / "in").iterdir())
