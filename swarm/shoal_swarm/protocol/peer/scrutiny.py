"""What an owner makes of contributions whose bytes have arrived: fit to be merged, or refused with a reason.

A digest says that bytes are the announced ones, not that they are numbers which can be merged. So an owner looks at
its share of every contribution before it says HAVE, and what can't be merged never gets into a cut. It looks at each
piece when it arrives, so that nothing is left to look at when the last one is here. A refusal keeps
one contribution out of one attempt and no more: an owner that refuses without reason does no other harm than one that
never says HAVE, and its name stands beside what it said.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from shoal_swarm.protocol.names import Digest
from shoal_swarm.protocol.peer.effects import Examine, MergeInput
from shoal_swarm.protocol.round_messages import REASON_CHARACTERS_MAX


@dataclass(slots=True)
class _Look:
    """Pieces of one contribution, counted from the share's first, that are not known to be sound."""

    unseen: set[int]
    unanswered: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Scrutiny:
    """What one owner found out about the contributions of one attempt."""

    refused: dict[Digest, str] = field(default_factory=dict)
    """Why each of these can't be merged, in a sentence."""
    _looks: dict[Digest, _Look] = field(default_factory=dict)

    def examine(
        self, key: tuple[int, int], first: int, inputs: Iterable[MergeInput], is_here: Callable[[Digest], bool]
    ) -> list[Examine]:
        """Have those pieces looked at that are here and that nobody has looked at yet."""
        looks: list[Examine] = []
        for one in inputs:
            look = self._looks.setdefault(one.root, _Look(set(range(len(one.pieces)))))
            here = tuple(offset for offset in sorted(look.unseen) if is_here(one.pieces[offset]))
            if here and one.root not in self.refused:
                look.unseen.difference_update(here)
                look.unanswered.update(here)
                looks.append(Examine(*key, first, one, here))
        return looks

    def has_passed(self, root: Digest) -> bool:
        """Whether every piece of a contribution's share was found sound."""
        look = self._looks.get(root)
        return look is not None and not (look.unseen or look.unanswered) and root not in self.refused

    def judge(self, root: Digest, offsets: Iterable[int], problem: str | None) -> None:
        """Note what looking at pieces of a contribution has shown."""
        if problem is not None:
            self.refuse(root, problem)
        elif root in self._looks:
            self._looks[root].unanswered.difference_update(offsets)

    def refuse(self, root: Digest, problem: str) -> None:
        """Note that a contribution can't be merged."""
        self.refused[root] = problem[:REASON_CHARACTERS_MAX]

    def look_again(self) -> None:
        """Bytes went missing while they were looked at: whatever has no answer yet is asked again."""
        for look in self._looks.values():
            look.unseen |= look.unanswered
            look.unanswered.clear()

    def clear(self) -> None:
        """Another attempt has other shares."""
        self.refused.clear()
        self._looks.clear()
