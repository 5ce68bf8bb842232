"""What an owner makes of contributions whose bytes have arrived: fit to be merged, or refused with a reason.

A digest says that bytes are the announced ones, not that they are numbers which can be merged. So an owner looks at
its share of every contribution before it says HAVE, and what can't be merged never gets into a cut. A refusal keeps
one contribution out of one attempt and no more: an owner that refuses without reason does no other harm than one that
never says HAVE, and its name stands beside what it said.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from shoal_swarm.protocol.names import Digest
from shoal_swarm.protocol.peer.effects import Examine, MergeInput
from shoal_swarm.protocol.round_messages import REASON_CHARACTERS_MAX


@dataclass(slots=True)
class Scrutiny:
    """What one owner found out about the contributions of one attempt."""

    passed: set[Digest] = field(default_factory=set)
    refused: dict[Digest, str] = field(default_factory=dict)
    """Why each of these can't be merged, in a sentence."""
    _looking_at: set[Digest] = field(default_factory=set)

    def examine(self, key: tuple[int, int], first: int, inputs: Iterable[MergeInput]) -> list[Examine]:
        """Have those looked at that nobody has looked at yet."""
        new = [one for one in inputs if one.root not in self._looking_at and not self.has_judged(one.root)]
        self._looking_at.update(one.root for one in new)
        return [Examine(*key, first, one) for one in new]

    def has_judged(self, root: Digest) -> bool:
        """Whether this contribution has passed or was refused."""
        return root in self.passed or root in self.refused

    def judge(self, root: Digest, problem: str | None) -> None:
        """Note what looking at a contribution has shown."""
        self._looking_at.discard(root)
        if problem is None:
            self.passed.add(root)
        else:
            self.refused[root] = problem[:REASON_CHARACTERS_MAX]

    def look_again(self) -> None:
        """Bytes went missing while they were looked at: whatever has no answer yet is asked again."""
        self._looking_at.clear()

    def clear(self) -> None:
        """Another attempt has other shares."""
        self.passed.clear()
        self.refused.clear()
        self._looking_at.clear()
