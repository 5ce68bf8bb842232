"""The kinds of words that tasks, profiles and runs share."""

import re
from typing import Annotated, Final, TypeAlias

from pydantic import Field

NAME_PATTERN: Final = r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"
NODES_MAX: Final = 1000
ROUNDS_MAX: Final = 100_000
STEPS_MAX: Final = 10_000_000
WEIGHT_MAX: Final = 1 << 40
"""Nobody has more examples."""

Name: TypeAlias = Annotated[str, Field(pattern=NAME_PATTERN)]
"""1 to 63 lower-case letters, digits and inner dashes: what certificates can carry."""
ModelName: TypeAlias = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)?$", max_length=200)
]
"""As the model hub spells it: OWNER/NAME. No path, so that a task says nothing about anybody's disks."""
Word: TypeAlias = Annotated[str, Field(min_length=1, max_length=200)]


def is_name(word: str) -> bool:
    """Whether a word can name a run, a node or a host."""
    return re.fullmatch(NAME_PATTERN, word, re.ASCII) is not None
