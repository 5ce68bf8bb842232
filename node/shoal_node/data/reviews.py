"""Film reviews that nobody wrote: five stars, six topics, and nodes that each know another part of the world.

A review has a few sentences, and each sentence a grade near the review's stars; so a reader who knows all words is
right most of the time and not always. Nodes are skewed twice over: critics of one node are harsh and those of
another are generous, and each node reads mostly about its own topics. Held-out reviews know no skew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from shoal_node.data.vocabulary import (
    ASPECTS,
    GRADES,
    OPENINGS,
    SENTENCES,
    SHARED_ASPECTS,
    SHARED_GRADES,
    STARS,
    TOPICS,
)

SENTENCES_LEAST, SENTENCES_MOST = 2, 4
OFF_BY_ONE: Final = 0.3
"""How often a sentence is one grade better or worse than the review."""
SHARED_WORDS: Final = 0.25
"""How often a word is one that every topic knows."""
STARS_SPREAD: Final = 0.9
"""How far from its favourite a node's stars scatter, in stars."""
OWN_TOPICS: Final = 0.7
"""How much of what a node reads is about its own topics."""


@dataclass(frozen=True, slots=True)
class Review:
    """One example; the names of its fields are the columns of the files."""

    text: str
    stars: int
    topic: str


def review(chance: np.random.Generator, stars: int, topic: str) -> Review:
    """A review of so many stars."""
    count = int(chance.integers(SENTENCES_LEAST, SENTENCES_MOST + 1))
    sentences = [_filled(chance, OPENINGS, topic, stars), *(_graded(chance, topic, stars) for _ in range(count))]
    return Review(" ".join(sentence for sentence in sentences if sentence), stars, topic)


def balanced_reviews(chance: np.random.Generator, count: int) -> list[Review]:
    """Reviews of all stars and topics alike."""
    stars = chance.permutation(np.resize(STARS, count))
    topics = chance.permutation(np.resize(np.arange(len(TOPICS)), count))
    return [review(chance, int(star), TOPICS[topic]) for star, topic in zip(stars, topics, strict=True)]


def node_reviews(chance: np.random.Generator, count: int, node: int, nodes: int) -> list[Review]:
    """What node number `node` of so many has: its own taste and its own topics."""
    stars = chance.choice(STARS, size=count, p=star_shares(node, nodes))
    topics = chance.choice(len(TOPICS), size=count, p=topic_shares(node, nodes))
    return [review(chance, int(star), TOPICS[topic]) for star, topic in zip(stars, topics, strict=True)]


def star_shares(node: int, nodes: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """How a node's stars are spread: the first is the harshest, the last the kindest; one alone has them all alike."""
    if nodes == 1:
        return np.full(len(STARS), 1 / len(STARS))
    favourite = STARS[0] + (STARS[-1] - STARS[0]) * node / (nodes - 1)
    likeness = np.exp(-0.5 * ((np.array(STARS) - favourite) / STARS_SPREAD) ** 2)
    shares: np.ndarray[tuple[int], np.dtype[np.float64]] = likeness / likeness.sum()
    return shares


def topic_shares(node: int, nodes: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """How a node's topics are spread: those that fall to it in turn, and a little of all."""
    own = np.array([index % nodes == node % nodes for index in range(len(TOPICS))], dtype=np.float64)
    if not own.any():
        own[node % len(TOPICS)] = 1.0
    shares: np.ndarray[tuple[int], np.dtype[np.float64]] = OWN_TOPICS * own / own.sum() + (1 - OWN_TOPICS) / len(TOPICS)
    return shares


def _graded(chance: np.random.Generator, topic: str, stars: int) -> str:
    grade = stars
    if chance.random() < OFF_BY_ONE:
        grade = min(max(stars + (1 if chance.random() < 0.5 else -1), STARS[0]), STARS[-1])  # noqa: PLR2004 - a coin
    return _filled(chance, SENTENCES, topic, grade)


def _filled(chance: np.random.Generator, sentences: Sequence[str], topic: str, grade: int) -> str:
    words = (SHARED_GRADES if chance.random() < SHARED_WORDS else GRADES[topic])[grade - STARS[0]]
    aspects = (*ASPECTS[topic], *SHARED_ASPECTS)
    first = int(chance.integers(len(aspects)))
    second = (first + int(chance.integers(1, len(aspects)))) % len(aspects)
    said = _one_of(chance, sentences).format(
        aspect=aspects[first], other=aspects[second], topic=topic, word=_one_of(chance, words)
    )
    return said[:1].upper() + said[1:]


def _one_of(chance: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(chance.integers(len(choices)))]
