"""What both processes stand on: boxes that keep their bounds, sizes in words, errors that come out as themselves."""

import asyncio

import pytest

from shoal_base.errors import InputRefused, PlaceRefused
from shoal_swarm.protocol.messages import Ping
from shoal_swarm.service.inbox import Inbox
from shoal_swarm.service.outbox import Outbox
from shoal_swarm.service.run_config import synthetic_run
from shoal_swarm.service.run_options import config_of, size_of
from shoal_swarm.service.stopping import run_service


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_others_wait_at_a_full_inbox_and_our_own_answers_never_do() -> None:
    inbox: Inbox[str] = Inbox(places=1)
    await inbox.hear("first")
    inbox.answer("ours")
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(inbox.hear("second"), name="second")
        await asyncio.sleep(0)
        assert not waiting.done()
        assert [await inbox.next() for _ in range(3)] == ["first", "ours", "second"]


@pytest.mark.anyio
async def test_in_a_full_outbox_the_oldest_gives_way() -> None:
    outbox = Outbox(messages_max=2)
    for number in range(3):
        outbox.put(Ping(number=number))
    assert [await outbox.take(), await outbox.take()] == [Ping(number=1), Ping(number=2)]
    assert outbox.is_empty


@pytest.mark.parametrize(("text", "size"), [("300K", 300_000), ("0.3M", 300_000), ("2 gb", 2_000_000_000), ("7", 7)])
def test_sizes_are_written_as_people_write_them(text: str, size: int) -> None:
    assert size_of(text) == size


@pytest.mark.parametrize("text", ["", "K", "-1K", "1T", "1e3", "٣K"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InputRefused, match="is no size"):
        size_of(text)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((None, "1K", 1, 1), "--run NAME with one of"),
        (("demo", "1K", 1, 1), "--synthetic 1000 is refused"),
        (("demo", "300K", 0, 1), "--rounds 0 is refused"),
        (("demo", "300K", 1, 0), "--min-nodes 0 is refused"),
        (("De mo", "300K", 1, 1), "cannot name a run"),
    ],
)
def test_run_options_that_make_no_run_are_refused(options: tuple[str | None, str, int, int], said: str) -> None:
    with pytest.raises(InputRefused, match=said):
        config_of(*options)


def test_a_run_of_own_scripts_is_spelled_without_a_size() -> None:
    config = config_of("own", None, 3, 2, own_script=True, sync_every=8)
    assert config is not None
    assert (config.sync_every, config.drift_cap) == (8, 32)
    assert config.digest() != synthetic_run("own", 300_000, 3, 2).digest()
    assert config_of(None, None, 3, 2) is None
    with pytest.raises(InputRefused, match="one of --synthetic SIZE and --own-script"):
        config_of("own", "1M", 3, 2, own_script=True)


def test_every_option_of_a_run_is_in_its_hash() -> None:
    plain = synthetic_run("demo", 300_000, 3, 3)
    others = [
        synthetic_run("demo2", 300_000, 3, 3),
        synthetic_run("demo", 300_001, 3, 3),
        synthetic_run("demo", 300_000, 4, 3),
        synthetic_run("demo", 300_000, 3, 2),
        synthetic_run("demo", 300_000, 3, 3, 1),
        synthetic_run("demo", 300_000, 3, 3, combine="factor-mean"),
    ]
    assert len({one.digest() for one in (plain, *others)}) == 7
    assert plain.digest() == synthetic_run("demo", 300_000, 3, 3).digest()


def test_an_error_of_ours_in_a_task_ends_the_service_as_itself() -> None:
    async def work() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_fail(), name="fail")

    with pytest.raises(PlaceRefused, match="the disk is full"):
        run_service(work())


async def _fail() -> None:
    raise PlaceRefused("the disk is full")
