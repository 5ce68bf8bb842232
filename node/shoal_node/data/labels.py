"""Labels: what a class is called, agreed by all nodes and shown by a hash.

A data file says `5`, a model says class 4; a node that counted from one while the others count from zero would teach
them nonsense without any error. So the names in the order of their classes are part of what nodes compare when they
join, travel with the result, and are what `predict` answers with.
"""

from dataclasses import dataclass
from typing import Final

import blake3
import msgspec

from shoal_base.errors import InputRefused
from shoal_node.data.tables import Table

DIGEST_CONTEXT: Final = "shoal labels v1"
CLASSES_LEAST: Final = 2


@dataclass(frozen=True, slots=True)
class Labels:
    """The names of the classes, in their order."""

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.names) < CLASSES_LEAST or len(set(self.names)) != len(self.names):
            raise InputRefused(
                f"{', '.join(self.names)} are no labels: two or more are needed, each with its own name."
            )

    def digest(self) -> bytes:
        """32 bytes that stand for names and order."""
        return blake3.blake3(msgspec.json.encode(self.names), derive_key_context=DIGEST_CONTEXT).digest()

    def classes(self, table: Table, column: str) -> list[int]:
        """The class of every row; a label that nobody agreed on is refused with its line."""
        numbers = {name: number for number, name in enumerate(self.names)}
        found = []
        for index, word in enumerate(table.column(column)):
            number = numbers.get(word.strip())
            if number is None:
                raise InputRefused(
                    f"{table.source}: row {index + 1} has {column} {word[:80]!r}, which is no label of the task: "
                    f"{', '.join(self.names)}."
                )
            found.append(number)
        return found
