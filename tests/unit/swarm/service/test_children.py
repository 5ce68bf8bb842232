"""A process that dies is reported with its last words and started again within limits; nobody is left behind."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from shoal_base.exits import ExitCode
from shoal_swarm.service import children
from shoal_swarm.service.children import NOTICE, Child, ChildFailed, Order
from shoal_swarm.service.restarts import Again, End, Finished, GivenUp, Restarts

QUICK = {"pause_first_s": 0.01, "pause_max_s": 0.02}


def _end(code: int) -> End:
    return End("it", code, ("first", "last"))


def test_what_a_new_start_would_not_change_is_not_started_again() -> None:
    assert isinstance(Restarts().after(_end(0), 0.0), Finished)
    for code in (ExitCode.USAGE, ExitCode.INPUT, ExitCode.IDENTITY, ExitCode.PEER, ExitCode.MISSING_PART):
        assert isinstance(Restarts().after(_end(code), 0.0), GivenUp)
    for code in (ExitCode.DEFECT, ExitCode.PLACE, ExitCode.UNAVAILABLE, -signal.SIGKILL, -signal.SIGSEGV):
        assert isinstance(Restarts().after(_end(code), 0.0), Again)


def test_pauses_grow_and_too_many_ends_within_a_while_are_the_end() -> None:
    restarts = Restarts(times=3, within_s=100.0, pause_first_s=1.0, pause_max_s=3.0)
    assert [restarts.after(_end(1), now) for now in (0.0, 1.0, 2.0)] == [Again(1.0), Again(2.0), Again(3.0)]
    assert restarts.after(_end(1), 150.0) == Again(1.0)
    assert [restarts.after(_end(1), 151.0 + n) for n in range(3)][-1] == GivenUp(
        "it was started again 3 times within 100 s"
    )


def test_an_end_is_told_with_its_last_words() -> None:
    assert _end(3).sentence == "it ended with exit code 3 and said last:\n    first\n    last"
    assert End("it", -9, ()).sentence == "it was killed by SIGKILL and said nothing."


@pytest.fixture
def python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children are Python programs of the test instead of our command."""
    monkeypatch.setattr(children, "SHOAL", (sys.executable, "-c"))


def _order(program: str, log: Path | None = None) -> Order:
    return Order(name="it", arguments=[program], environment=dict(os.environ), log=log)


@pytest.mark.usefixtures("python")
async def test_a_killed_child_is_started_again_and_everything_it_said_is_in_its_log(tmp_path: Path) -> None:
    count = tmp_path / "count"
    program = (
        f"import os, pathlib, signal; p = pathlib.Path({str(count)!r}); p.open('a').write('x'); "
        "print('hello', flush=True); print('{\"event\": 1}', flush=True)\n"
        "if len(p.read_text()) < 3: os.kill(os.getpid(), signal.SIGKILL)"
    )
    said: list[str] = []
    await Child(_order(program, tmp_path / "it.log"), said.append, Restarts(**QUICK)).run()
    assert count.read_text() == "xxx"
    assert said.count("hello") == 3
    assert said.count(f"{NOTICE}it was killed by SIGKILL and said last:") == 2
    assert (tmp_path / "it.log").read_text() == 'hello\n{"event": 1}\n' * 3


@pytest.mark.usefixtures("python")
async def test_a_child_that_is_hopeless_fails_with_its_own_number() -> None:
    with pytest.raises(ChildFailed, match=r"ended with exit code 3 and said last:\n    error: no") as failure:
        await Child(_order("import sys; print('error: no'); sys.exit(3)"), print).run()
    assert failure.value.facts()["exit"] == 3
    with pytest.raises(ChildFailed, match="started again 1 times") as failure:
        await Child(_order("import sys; sys.exit(1)"), print, Restarts(times=1, **QUICK)).run()
    assert failure.value.facts()["exit"] == ExitCode.PROBLEMS


@pytest.mark.usefixtures("python")
async def test_a_child_that_does_not_end_when_asked_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "GRACE_S", 0.2)
    ready = asyncio.Event()
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    child = Child(_order(deaf), lambda _line: ready.set())
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(child.run())
        await ready.wait()
        await child.stop()
        await asyncio.wait_for(running, 10)
    assert child.pid is None


@pytest.mark.usefixtures("python")
async def test_a_child_ends_with_its_parent_however_that_ends(tmp_path: Path) -> None:
    place = tmp_path / "pid"
    grandchild = f"import os, pathlib, time; pathlib.Path({str(place)!r}).write_text(str(os.getpid())); time.sleep(60)"
    parent = (
        "import asyncio, os, signal, sys\n"
        "from shoal_swarm.service import children as c\n"
        "c.SHOAL = (sys.executable, '-c')\n"
        f"order = c.Order(name='it', arguments=[{grandchild!r}], environment=dict(os.environ))\n"
        "async def main():\n"
        "    child = c.Child(order, print)\n"
        "    work = asyncio.ensure_future(child.run())\n"
        f"    while not os.path.exists({str(place)!r}) or not open({str(place)!r}).read():\n"
        "        await asyncio.sleep(0.01)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", parent)
    assert await process.wait() == -signal.SIGKILL
    pid = int(place.read_text())
    await asyncio.to_thread(_wait_until_gone, pid)


def _wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while _runs(pid):
        assert time.monotonic() < deadline, f"{pid} was left behind"
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
