"""Which registers the contract is held against. A further database is one more line in `URLS`."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from shoal_swarm.register import Register, open_register
from tests.contracts.register.model import ModelRegister, Shelf

URLS: Mapping[str, Callable[[Path], str]] = {
    "sqlite": lambda folder: f"sqlite:///{folder}/state/register.db",
}
"""A fresh store of each kind that processes can share."""

Opener = Callable[[], Register]


@pytest.fixture(params=URLS)
def shared_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh store, for tests that open it in several processes."""
    return URLS[request.param](tmp_path)


@pytest.fixture(params=["model", *URLS])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Opens the same fresh store as often as it is called; everything is closed at the end."""
    opened: list[Register] = []
    shelf = Shelf()

    def open_again() -> Register:
        kind = request.param
        opened.append(ModelRegister(shelf) if kind == "model" else open_register(URLS[kind](tmp_path)))
        return opened[-1]

    yield open_again
    for register in opened:
        register.close()


@pytest.fixture
def register(opener: Opener) -> Register:
    """A fresh register."""
    return opener()
