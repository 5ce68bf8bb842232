"""A process harms itself only where it was told to, and only where that is allowed."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest

from shoal_base.errors import InputRefused
from shoal_base.settings import Settings
from shoal_swarm.protocol.names import RunId
from shoal_swarm.protocol.peer.effects import DropBlobs, Send
from shoal_swarm.protocol.round_messages import Goodbye
from shoal_swarm.service.faults import Boundaries, Fault, Moment

DROP, BYE = DropBlobs(()), Send(Goodbye(run=RunId("demo"), incarnation=1))
THREE_EFFECTS = """
import asyncio, sys
from shoal_base.settings import read_settings
from shoal_swarm.protocol.peer.effects import DropBlobs
from shoal_swarm.service.faults import Boundaries

async def work():
    points = Boundaries.planned(read_settings())
    for number in range(3):
        await points.before(DropBlobs(()))
        print("did", number, flush=True)
        await points.after(DropBlobs(()))

asyncio.run(work())
"""


def _run(fault: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "SHOAL_FAULTS_ALLOWED": "yes", "SHOAL_FAULT": fault}
    return subprocess.Popen(
        [sys.executable, "-c", THREE_EFFECTS],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@pytest.mark.parametrize(
    ("fault", "done"),
    [("crash before peer drops blobs", 0), ("crash after peer drops blobs", 1), ("crash before#3 peer drops blobs", 2)],
)
def test_a_crash_comes_at_its_point_and_at_no_other(fault: str, done: int) -> None:
    with _run(fault) as process:
        assert process.stdout is not None
        assert process.stdout.read().count("did") == done
    assert process.returncode == -signal.SIGKILL


def test_a_stopped_process_goes_on_when_it_is_told_to() -> None:
    with _run("stop after#2 peer drops blobs") as process:
        assert process.stdout is not None
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        process.send_signal(signal.SIGCONT)
        assert process.stdout.read().count("did") == 3
    assert process.returncode == 0


@pytest.mark.anyio
async def test_a_delay_holds_up_the_effect_and_nothing_else() -> None:
    points = Boundaries("delay:0.2 before peer drops blobs", watched=True)
    began = monotonic()
    await points.before(BYE)
    assert monotonic() - began < 0.1
    await points.before(DROP)
    assert monotonic() - began >= 0.2


@pytest.mark.anyio
async def test_faults_are_refused_unless_they_are_allowed() -> None:
    fault = "crash before peer drops blobs"
    with pytest.raises(InputRefused, match="faults are not allowed here"):
        Boundaries.planned(Settings(fault=fault))
    await Boundaries.planned(Settings()).before(DROP)  # would end this test
    await Boundaries.planned(Settings(faults_allowed=True)).before(DROP)


@pytest.mark.anyio
async def test_a_fault_can_be_planned_for_a_process_that_runs(tmp_path: Path) -> None:
    plan = tmp_path / "plan"
    points = Boundaries(f"@{plan}", watched=True)
    await points.before(DROP)
    plan.write_text("delay:0.2 before#2 peer drops blobs")
    took = []
    for _ in range(3):
        began = monotonic()
        await points.before(DROP)
        took.append(monotonic() - began >= 0.2)
    assert took == [False, True, False]


def test_a_fault_says_what_where_and_when() -> None:
    read = Fault.spelled("delay:1.5 after#12 peer writes books: frozen")
    assert read == Fault("delay", 1.5, Moment.AFTER, 12, "peer writes books: frozen")


@pytest.mark.parametrize(
    "text",
    [
        "crash",
        "burn before peer stops",
        "crash near peer stops",
        "crash before#0 peer stops",
        "delay before peer stops",
        "delay:601 before peer stops",
        "crash before ",
    ],
)
def test_what_is_no_fault_is_refused(text: str) -> None:
    with pytest.raises(InputRefused, match=re.escape("write ACTION MOMENT LABEL")):
        Fault.spelled(text)
