"""The rules for what goes into a register; every implementation asks here, so all refuse alike.

A value that breaks its rule is refused before the database hears of it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from shoal_base.errors import InputRefused
from shoal_swarm.register.states import FOLLOWERS, TaskState
from shoal_swarm.register.values import (
    DIGEST_BYTES,
    ENTRIES_PER_WRITE_MAX,
    ENTRY_BYTES_MAX,
    FACTS_BYTES_MAX,
    NAME_CHARS_MAX,
    NONCE_BYTES,
    NOTE_CHARS_MAX,
    NUMBER_MAX,
    RECORD_BYTES_MAX,
    TASK_BYTES_MAX,
    Entry,
)

_PART = r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?"
_NAME = re.compile(_PART, re.ASCII)
_MEMBER = re.compile(f"{_PART}(?:/{_PART})?", re.ASCII)
_SHOWN_CHARS = 60


def check_run(run_id: str) -> None:
    """A run's id can also be a file's name."""
    _check_name("run id", run_id, _NAME)


def check_task(task_id: str) -> None:
    """A task's id can also be a file's name."""
    _check_name("task id", task_id, _NAME)


def check_member(name: str) -> None:
    """A member goes by its name, or by role and name as in its certificate: `node/hospital-a-1`."""
    _check_name("member name", name, _MEMBER)


def check_nonce(boot_nonce: bytes) -> None:
    """A boot draws its nonce at random."""
    _check_length("boot nonce", boot_nonce, NONCE_BYTES)


def check_config_hash(config_hash: bytes) -> None:
    """A run is bound to the hash of its configuration."""
    _check_length("config hash", config_hash, DIGEST_BYTES)


def check_record(record: bytes) -> None:
    """A record stays small, or rounds get slow for everybody."""
    _check_size("record", record, RECORD_BYTES_MAX)


def check_facts(facts: bytes) -> None:
    """A member says little of itself."""
    _check_size("member's facts", facts, FACTS_BYTES_MAX)


def check_signed(signed: bytes) -> None:
    """A task fits into one message."""
    _check_size("signed task", signed, TASK_BYTES_MAX)


def check_note(note: str) -> None:
    """A note is a sentence or two."""
    if len(note) > NOTE_CHARS_MAX:
        raise InputRefused(
            f"A note of {len(note)} characters is refused: at most {NOTE_CHARS_MAX} are kept. Say it shorter; "
            "the whole story belongs in a log."
        )
    if "\x00" in note or not _is_text(note):
        raise InputRefused(f"The note {_shown(note)} is refused: it is no text. Leave out NUL and lone surrogates.")


def check_number(what: str, number: int, least: int, most: int = NUMBER_MAX) -> None:
    """A version, position or limit lies in its range."""
    if not least <= number <= most:
        raise InputRefused(f"The {what} {number} is refused: it must lie between {least} and {most}.")


def check_batch(entries: Sequence[Entry]) -> None:
    """One change of a record brings a bounded number of sound entries, one after the other."""
    if len(entries) > ENTRIES_PER_WRITE_MAX:
        raise InputRefused(
            f"{len(entries)} entries in one write are refused: at most {ENTRIES_PER_WRITE_MAX} go with one change. "
            "Spread them over several writes."
        )
    if entries:
        check_number("position", entries[0].position, least=0)
        for _ in continuing(entries, entries[0].position):
            pass


def continuing(entries: Iterable[Entry], length: int) -> Iterator[Entry]:
    """The same entries, each checked to be sound and to come next in a ledger of `length`."""
    for position, entry in enumerate(entries, start=length):
        if entry.position != position:
            raise InputRefused(
                f"An entry with position {entry.position} is refused: the next position of this ledger is {position}. "
                "Read the run's head and build the entries on it."
            )
        _check_length("entry's digest", entry.digest, DIGEST_BYTES)
        _check_size("entry", entry.body, ENTRY_BYTES_MAX)
        yield entry


def check_step(expected: TaskState, to: TaskState) -> None:
    """A task moves one step on, never back."""
    followers = FOLLOWERS[expected]
    if to not in followers:
        choice = " or ".join(sorted(followers)) or "nothing, it has ended; a retry is a new run"
        raise InputRefused(f"From {expected} to {to} is no step of a task. After {expected} comes {choice}.")


def _check_name(what: str, name: str, rule: re.Pattern[str]) -> None:
    if len(name) > NAME_CHARS_MAX or not rule.fullmatch(name):
        raise InputRefused(
            f"The {what} {_shown(name)} is refused: 1 to {NAME_CHARS_MAX} lower-case letters, digits, dots, dashes and "
            "underscores, with a letter or digit at both ends. Choose another."
        )


def _check_length(what: str, value: bytes, length: int) -> None:
    if len(value) != length:
        raise InputRefused(f"A {what} of {len(value)} bytes is refused: it has {length}.")


def _check_size(what: str, value: bytes, most: int) -> None:
    if len(value) > most:
        raise InputRefused(f"A {what} of {len(value)} bytes is refused: at most {most} are kept. Make it smaller.")


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(text: str) -> str:
    return ascii(text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…")
