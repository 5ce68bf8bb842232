"""Where the authority's passphrase comes from: a file, the environment or a prompt.

Never the command line, which every process on the machine can read.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from getpass import getpass
from os import environ, fsencode
from pathlib import Path
from secrets import token_bytes

from shoal_base.errors import InputRefused
from shoal_certs.files import read_private

VARIABLE = "SHOAL_PASSPHRASE"
FILE_VARIABLE = "SHOAL_PASSPHRASE_FILE"
CHARACTERS_MIN = 20
BYTES_MAX = 1023
"""More than that the key's encryption does not take."""

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


def new_passphrase() -> bytes:
    """32 characters of 5 random bits each, in groups that can be read out."""
    letters = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in token_bytes(32))
    return "-".join(letters[at : at + 4] for at in range(0, len(letters), 4)).encode()


@dataclass(frozen=True, slots=True)
class PassphraseSource:
    """The places to look, in order: the named file, the environment, the authority's folder, the prompt."""

    file: Path | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: environ)
    ask: Callable[[str], str] | None = None

    def find(self, kept: Path) -> bytes:
        """The passphrase of an authority that is there; `kept` is where `init` may have left it."""
        found = self._given()
        if found is None and kept.exists():
            found = read_private(kept, BYTES_MAX).strip()
        if found is None:
            found = self._asked("Passphrase of the authority: ")
        if found is None:
            raise InputRefused(
                f"The authority's passphrase is needed and there is no terminal to ask on: put it into a file of mode "
                f"0600 and name that with --passphrase-file or {FILE_VARIABLE}, or set {VARIABLE}."
            )
        return found

    def choose(self) -> bytes | None:
        """The passphrase that somebody gave for a new authority, or None where one is to be made."""
        chosen = self._given()
        length = len((chosen or b"").decode(errors="replace"))
        if chosen is not None and length < CHARACTERS_MIN:
            raise InputRefused(
                f"The passphrase has {length} characters; at least {CHARACTERS_MIN} are needed, five random words "
                "for example. Give none, and a random one is written for you."
            )
        return chosen

    def _given(self) -> bytes | None:
        named = self.file or (Path(name) if (name := self.environment.get(FILE_VARIABLE)) else None)
        if named is not None:
            return read_private(named, BYTES_MAX).strip()
        value = self.environment.get(VARIABLE)
        given = fsencode(value) if value else None
        if given is not None and len(given) > BYTES_MAX:
            raise InputRefused(f"{VARIABLE} has {len(given)} bytes; at most {BYTES_MAX} are taken.")
        return given

    def _asked(self, question: str) -> bytes | None:
        if self.ask is not None:
            return self.ask(question).encode()
        try:
            return getpass(question).encode() if sys.stdin.isatty() else None
        except EOFError:
            return None
