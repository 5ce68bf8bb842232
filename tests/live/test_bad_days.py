"""Paused processes, full disks and clocks that jump cost time and nothing else: the same bytes, nothing lost."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from shutil import which
from time import monotonic, sleep

import pytest

from shoal_base.exits import ExitCode
from shoal_swarm.peer.storage.storage import RESERVE_BYTES
from tests.live.lasting import SENTINEL, Lasting, lasting, options
from tests.live.promises import events

LEASE_S, GONE_S = 3.0, 6.0
SLACK_S = 4.0
"""For a machine that does other work too."""
HOUR_S, YEAR_S = 3600, 365 * 86400
DISK_BYTES = RESERVE_BYTES + (32 << 20)
REGISTER_DISK_BYTES = 8 << 20
MOST_OFTEN = {"node-2": "round_applied", SENTINEL: "record_written"}

STEPPED_CLOCK = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Steps this process's wall clock by the seconds that a file says now; other clocks are left alone. */
static long step(void) {
    char text[32] = "0";
    int file = open(getenv("STEP_FILE"), O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        ssize_t size = read(file, text, sizeof text - 1);
        text[size > 0 ? size : 0] = 0;
        close(file);
    }
    return atol(text);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += step();
    return failed;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *out, void *zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}
"""


def _shows(one: Lasting, name: str, state: str) -> bool:
    return state in [member["state"] for member in one.run_facts()["members"] if member["node"] == name]


@pytest.mark.full
@pytest.mark.parametrize("pause_s", [LEASE_S + 1, GONE_S + 4], ids=["a lease", "longer than anybody is awaited"])
def test_a_paused_peer_holds_nobody_up_for_long_and_catches_up(tmp_path: Path, pause_s: float) -> None:
    with lasting(tmp_path, 3, options()) as one:
        began, before = datetime.now(UTC), one.newest()
        one.alive["node-2"].popen.send_signal(signal.SIGSTOP)
        sleep(pause_s)
        went_on = one.newest() > before + 1
        one.alive["node-2"].popen.send_signal(signal.SIGCONT)
        one.settle()
        assert went_on or pause_s < GONE_S
        assert one.longest_s(began) <= GONE_S + SLACK_S
        one.end()


@pytest.mark.full
def test_a_paused_sentinel_judges_nobody_when_it_wakes_up(tmp_path: Path) -> None:
    with lasting(tmp_path, 3, options()) as one:
        first = one.newest() + 1
        one.alive[SENTINEL].popen.send_signal(signal.SIGSTOP)
        sleep(GONE_S + 4)
        one.alive[SENTINEL].popen.send_signal(signal.SIGCONT)
        one.settle(4)
        one.end()
        for round_index in range(first, max(one.promises.seen.commits) - 1):  # the last ones are of peers that leave
            assert one.promises.seen.commits[round_index].attempt == 0
            assert one.contributors(round_index) == ["node-1", "node-2", "node-3"]


@contextmanager
def _disk(home: Path, place: str, disk_bytes: int) -> Iterator[Path]:
    """A disk of its own for one place of a home."""
    folder = home / place
    for one in (home, *(home / part for part in reversed(Path(place).parents[:-1])), folder):
        one.mkdir(mode=0o700, exist_ok=True)  # nobody else may look into a home
    mount = ["mount", "-t", "tmpfs", "-o", f"size={disk_bytes},mode=700", "small", str(folder)]
    done = subprocess.run(mount, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"mounting a small disk takes privileges: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.full
def test_a_peer_whose_disk_is_full_ends_in_words_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    place = _disk(tmp_path / "home", "state/demo/demo/node-2", DISK_BYTES)
    with place as disk, lasting(tmp_path, 3, options()) as one:
        filler = disk / "filler"
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, DISK_BYTES - RESERVE_BYTES)
        peer = one.alive.pop("node-2")
        assert peer.wait() == ExitCode.PLACE, peer.story()
        assert "no space left on the disk beside the reserve" in peer.story()
        one.note(peer)
        one.promises.look_at("node-2")
        one.settle()
        filler.unlink()
        one.start("node-2")
        one.settle()
        one.end()


@pytest.mark.full
def test_a_sentinel_whose_disk_is_full_decides_nothing_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    sentinels = _disk(tmp_path / "home", "state/demo", REGISTER_DISK_BYTES)
    peers = _disk(tmp_path / "home", "state/demo/demo", DISK_BYTES + (64 << 20))
    with sentinels as disk, peers, lasting(tmp_path, 3, options()) as one:
        one.settle()
        filler = disk / "filler"
        _fill(filler)
        one.until(lambda: "full" in one.alive[SENTINEL].story(), "said so")
        stuck_at = one.newest()
        sleep(GONE_S)
        assert one.newest() <= stuck_at + 1
        alarms = [event["sentence"] for event in events(one.log(SENTINEL), "alarm_raised")]
        assert len(alarms) == len(set(alarms)), "it says so once"
        assert "full" in one.swarm.ask("status")["sentinels"][0]["problems"][0]
        filler.unlink()
        one.settle()
        one.end()


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as taking, suppress(OSError):
        while True:
            taking.write(bytes(4096))


@pytest.fixture
def clock(tmp_path: Path) -> Path:
    """A library that steps the wall clock of whoever is started with it."""
    if which("cc") is None:
        pytest.skip("there is no C compiler here to build a clock that can be stepped")
    source, library = tmp_path / "clock.c", tmp_path / "clock.so"
    source.write_text(STEPPED_CLOCK)
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source)], check=True)
    return library


def _stepped(folder: Path, clock: Path, *names: str) -> dict[str, dict[str, str]]:
    return {name: {"LD_PRELOAD": str(clock), "STEP_FILE": str(folder / f"{name}.step")} for name in names}


@pytest.mark.full
@pytest.mark.parametrize("name", ["node-2", SENTINEL])
def test_a_clock_that_jumps_by_hours_is_not_even_noticed(tmp_path: Path, clock: Path, name: str) -> None:
    with lasting(tmp_path, 3, options(), _stepped(tmp_path, clock, name)) as one:
        for step_s in (2 * HOUR_S, -HOUR_S // 2, 0):
            (tmp_path / f"{name}.step").write_text(str(step_s))
            before = one.newest()
            began = monotonic()
            one.settle(4)
            assert monotonic() - began <= SLACK_S + 10 * one.usual_s()
            assert one.newest() >= before + 4
        one.end()
        stamps = [datetime.fromisoformat(event["timestamp"]) for event in events(one.log(name), MOST_OFTEN[name])]
        jumps = [abs((after - before).total_seconds()) for before, after in pairwise(stamps)]
        assert sum(jump > HOUR_S / 2 for jump in jumps) == 3, "the clock was really stepped"


@pytest.mark.full
def test_a_node_whose_clock_is_a_year_ahead_trusts_nobody_until_it_is_right_again(tmp_path: Path, clock: Path) -> None:
    with lasting(tmp_path, 3, options(), _stepped(tmp_path, clock, "node-2")) as one:
        (tmp_path / "node-2.step").write_text(str(YEAR_S))
        one.until(lambda: _shows(one, "node-2", "gone"), "missed node-2")
        one.settle(2, ["node-1", "node-3"])
        (tmp_path / "node-2.step").write_text("0")
        one.settle()
        one.end()
