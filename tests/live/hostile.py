"""A peer that keeps to the protocol and contributes what nobody can merge: `python -m tests.live.hostile KIND ...`."""

import sys
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from shoal_swarm.cli import main
from shoal_swarm.peer.contributing import Assignment, Read
from shoal_swarm.peer.synthetic import Synthetic
from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.names import BEFORE_ROUND_ZERO
from shoal_swarm.protocol.peer.contributor import Contributor
from shoal_swarm.protocol.peer.effects import Effect
from shoal_swarm.protocol.round_messages import Contribution
from shoal_swarm.protocol.signed import sign_manifest

KINDS: Final[Mapping[str, Callable[[list[bytes]], list[bytes]]]] = {
    "no numbers": lambda pieces: [pieces[0][:2] + b"\xff" * (len(pieces[0]) - 2), *pieces[1:]],
    "out of reach": lambda pieces: [b"\xff\x7f" + pieces[0][2:], *pieces[1:]],
    "far too large to merge": lambda pieces: [b"\x0e\x00" + pieces[0][2:], *pieces[1:]],
    "cut short": lambda pieces: [*pieces[:-1], pieces[-1][:-1]],
    "too large": lambda pieces: [*pieces[:-1], pieces[-1] * 40],
    "another shape": lambda pieces: [pieces[-1], *pieces[1:-1], pieces[0]],
    "text": lambda pieces: [b"{}", *pieces[1:]],
    "a piece too few": lambda pieces: pieces[:-1],
    "a piece twice": lambda pieces: [*pieces, pieces[0]],
}
"""What is done to the payloads of an honest contribution."""


TWO_FACES: Final = "two faces"
"""Signs a second contribution to every round, and says both."""


def turn(kind: str) -> None:
    """Let this process contribute so from round one on."""
    if kind == TWO_FACES:
        _say_two_things()
    else:
        _contribute(kind)


def _say_two_things() -> None:
    honest = Contributor._announce

    def announce(self: Contributor) -> list[Effect]:
        effects = honest(self)
        others = [msgspec.structs.replace(one, message=_forked(self, one.message)) for one in effects]  # type: ignore[arg-type, attr-defined]
        return effects + others

    Contributor._announce = announce  # type: ignore[method-assign] - what this process is for


def _forked(part: Contributor, message: Contribution) -> Contribution:
    manifest = msgspec.structs.replace(message.signed.manifest, root=digest_of(b"something else"))
    return msgspec.structs.replace(message, signed=sign_manifest(manifest, part.knowledge.identity.sign))


def _contribute(kind: str) -> None:
    honest = Synthetic.contribution

    def contribution(self: Synthetic, order: Assignment, read: Read) -> list[bytes]:
        pieces = honest(self, order, read)
        return pieces if order.base == BEFORE_ROUND_ZERO else KINDS[kind](pieces)

    Synthetic.contribution = contribution  # type: ignore[method-assign] - what this process is for


if __name__ == "__main__":
    turn(sys.argv.pop(1))
    main()
