"""Texts as a model reads them, with the classes of their labels."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from shoal_node.data.labels import Labels
from shoal_node.data.tables import Table


class Examples(Dataset[dict[str, Any]]):
    """Token numbers and a class for every row of a table."""

    def __init__(self, ids: Sequence[Sequence[int]], classes: Sequence[int]) -> None:
        self._ids, self.classes = list(ids), list(classes)

    @staticmethod
    def of(
        tokenizer: PreTrainedTokenizerBase, table: Table, text: str, label: str, labels: Labels, length: int
    ) -> "Examples":
        """The examples of a data file."""
        encoded = tokenizer(table.column(text), truncation=True, max_length=length, padding=False)
        return Examples(encoded["input_ids"], labels.classes(table, label))

    @staticmethod
    def joined(parts: "Sequence[Examples]") -> "Examples":
        """The examples of several tables, one after the other."""
        ids = [one for part in parts for one in part._ids]  # noqa: SLF001 - of its own kind
        return Examples(ids, [one for part in parts for one in part.classes])

    @property
    def majority(self) -> float:
        """Share of the commonest class: how often one is right who always answers that."""
        return max(Counter(self.classes).values()) / len(self.classes)

    def __len__(self) -> int:
        """How many."""
        return len(self._ids)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One example, not yet filled up to the length of its batch."""
        ids = self._ids[index]
        return {"input_ids": ids, "attention_mask": [1] * len(ids), "labels": self.classes[index]}
