"""However many write at once, a version has one winner and a boot has one number."""

import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from shoal_swarm.register import Entry, Lost, Register, TaskState, Won, open_register
from shoal_swarm.register.values import LEDGER_PAGE_ENTRIES_MAX
from tests.contracts.register.conftest import Opener
from tests.contracts.register.racer import RUN, VERSIONS
from tests.contracts.register.samples import CONFIG_HASH, entry, nonce

THREADS = 8
PROCESSES = 4


def test_threads_bid_and_one_wins_each_version(register: Register) -> None:
    register.runs.create(RUN, CONFIG_HASH, b"")
    line = Barrier(THREADS)

    def bid(me: int) -> list[int]:
        line.wait()
        won, version = [], 1
        while version <= VERSIONS:
            match register.runs.write(RUN, version, b"%d" % me, [entry(version - 1, b"%d" % me)]):
                case Won(version=reached):
                    won.append(version)
                    version = reached
                case Lost(current=current):
                    assert current is not None
                    version = current.version
        return won

    with ThreadPoolExecutor(THREADS) as pool:
        won = list(pool.map(bid, range(THREADS)))
    _each_version_has_one_winner(register, {str(me): versions for me, versions in enumerate(won)})


def test_processes_bid_and_one_wins_each_version(shared_url: str) -> None:
    with open_register(shared_url) as register:
        register.runs.create(RUN, CONFIG_HASH, b"")
        racers = {
            str(me): subprocess.Popen(
                [sys.executable, "-m", "tests.contracts.register.racer", shared_url, str(me)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for me in range(PROCESSES)
        }
        for racer in racers.values():
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        won = {}
        for racer in racers.values():
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        for me, racer in racers.items():
            output, _ = racer.communicate()
            assert racer.returncode == 0
            won[me] = [int(line) for line in output.split()]
        _each_version_has_one_winner(register, won)
        assert len(register.members.list()) == PROCESSES
        assert [head.number for head in register.tasks.list()] == list(range(1, PROCESSES + 1))


def test_openings_at_once_make_one_register(opener: Opener) -> None:
    line = Barrier(THREADS)

    def open_and_say_hello(me: int) -> int:
        line.wait()
        return opener().members.hello("ana", nonce(me), b"").incarnation

    with ThreadPoolExecutor(THREADS) as pool:
        numbers = list(pool.map(open_and_say_hello, range(THREADS)))
    assert sorted(numbers) == list(range(1, THREADS + 1))


def test_hellos_of_one_boot_at_once_are_one_hello(register: Register) -> None:
    line = Barrier(THREADS)

    def say_hello(_: int) -> int:
        line.wait()
        return register.members.hello("ana", nonce(1), b"").incarnation

    with ThreadPoolExecutor(THREADS) as pool:
        assert set(pool.map(say_hello, range(THREADS))) == {1}


def test_a_task_is_ended_by_one(register: Register) -> None:
    register.tasks.submit("reviews", b"")
    line = Barrier(THREADS)

    def end(me: int) -> str:
        line.wait()
        to = TaskState.FAILED if me % 2 else TaskState.CANCELLED
        return type(register.tasks.advance("reviews", TaskState.SUBMITTED, to, str(me))).__name__

    with ThreadPoolExecutor(THREADS) as pool:
        assert Counter(pool.map(end, range(THREADS))) == {"Moved": 1, "Stale": THREADS - 1}


def test_a_reader_never_sees_half_a_change(register: Register) -> None:
    register.runs.create(RUN, CONFIG_HASH, b"1")

    def write(_: int) -> None:
        for version in range(1, VERSIONS + 1):
            register.runs.write(RUN, version, b"%d" % (version + 1), [entry(version - 1)])

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write, 0)
        looks = 0
        while not writing.done() or not looks:
            run = register.runs.read(RUN)
            assert run is not None
            assert run.record == b"%d" % run.version
            assert (run.head.length if run.head else 0) == run.version - 1
            looks += 1
        writing.result()


def _each_version_has_one_winner(register: Register, won: dict[str, list[int]]) -> None:
    assert sorted(version for versions in won.values() for version in versions) == list(range(1, VERSIONS + 1))
    run = register.runs.read(RUN)
    assert run is not None
    assert run.version == VERSIONS + 1
    ledger: list[Entry] = list(register.ledger.entries(RUN, 0, LEDGER_PAGE_ENTRIES_MAX))
    winners = {version: me for me, versions in won.items() for version in versions}
    assert [e.body.split()[0].decode() for e in ledger] == [winners[version] for version in range(1, VERSIONS + 1)]
