"""YAML of which there is one reading only: maps with plain keys, lists, words and numbers.

Refused: anchors, aliases, merge keys, tags, directives, several documents, keys twice, words that readers take for
different things, deep nesting and large files. So what a person sees in the file is what every version of every
reader gets out of it, and reading takes time and memory in proportion to the file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import yaml

from shoal_swarm.spec.refusals import FileRefused
from shoal_swarm.spec.scalars import Scalar, Surprising, scalar

BYTES_MAX: Final = 256 << 10
DEPTH_MAX: Final = 16
SHOWN_CHARACTERS: Final = 60

Tree: TypeAlias = Scalar | list["Tree"] | dict[str, "Tree"]
Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says, and where."""

    source: str
    tree: Mapping[str, Tree]
    lines: Mapping[Path, int] = field(repr=False)
    """The line of every key and every entry, counted from 1."""

    def line_of(self, path: Path) -> int:
        """The line of what lies at `path`, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read(content: bytes, source: str) -> Document:
    """Read a file's content; `source` is what sentences call it."""
    if len(content) > BYTES_MAX:
        raise FileRefused(source, 1, f"{len(content)} bytes are too many: at most {BYTES_MAX} are read.")
    try:
        text = content.decode()
    except UnicodeDecodeError as problem:
        line = content[: problem.start].count(b"\n") + 1
        raise FileRefused(source, line, "this is no UTF-8 text. Save the file as UTF-8.") from problem
    return _Reader(source).document(text)


def shown(value: object) -> str:
    """A value in a sentence, however long it is."""
    text = value if isinstance(value, str) else repr(value)
    return ascii(text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}...")


class _Events:
    """The events of a file, one after the other, with a look at the next; nothing is read ahead of need."""

    def __init__(self, text: str) -> None:
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.SafeLoader)
        self.next = next(self._events)

    def take(self) -> yaml.Event:
        """The next event."""
        taken = self.next
        if not isinstance(taken, yaml.StreamEndEvent):
            self.next = next(self._events)
        return taken


class _Reader:
    """Walks the events of one file once, from first to last."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._lines: dict[Path, int] = {}

    def document(self, text: str) -> Document:
        """The whole file."""
        try:
            return Document(self._source, self._whole(_Events(text)), self._lines)
        except yaml.MarkedYAMLError as problem:
            mark = problem.problem_mark or problem.context_mark
            said = f"this is no YAML: {problem.problem}. Mend the spelling."
            raise FileRefused(self._source, 1 if mark is None else mark.line + 1, said) from problem
        except yaml.YAMLError as problem:
            raise FileRefused(self._source, 1, f"this is no YAML: {shown(str(problem))}.") from problem

    def _whole(self, events: _Events) -> dict[str, Tree]:
        events.take()  # the stream begins
        if isinstance(events.next, yaml.StreamEndEvent):
            raise FileRefused(self._source, 1, "the file is empty. It begins with `shoal:`, a key on each line.")
        start = events.take()
        if isinstance(start, yaml.DocumentStartEvent) and (start.version or start.tags):
            raise self._refused(start, "a line that begins with % is refused: there is one dialect here. Delete it.")
        tree = self._tree(events, (), 0)
        events.take()  # the document ends
        if not isinstance(events.next, yaml.StreamEndEvent):
            raise self._refused(events.next, "a second document begins here. One file holds one.")
        if not isinstance(tree, dict):
            raise FileRefused(self._source, 1, "the file holds no map. It begins with `shoal:`, a key on each line.")
        return tree

    def _tree(self, events: _Events, path: Path, depth: int) -> Tree:
        event = events.take()
        self._lines.setdefault(path, _line(event))
        if depth > DEPTH_MAX:
            raise self._refused(event, f"this is nested deeper than {DEPTH_MAX} levels. No file of ours is.")
        self._must_be_plain(event)
        match event:
            case yaml.ScalarEvent():
                return self._scalar(event)
            case yaml.SequenceStartEvent():
                return self._list(events, path, depth)
            case _:
                return self._map(events, path, depth)

    def _must_be_plain(self, event: yaml.Event) -> None:
        """Only what says what it is, where it is."""
        if isinstance(event, yaml.AliasEvent):
            raise self._refused(event, f"the alias {shown(event.anchor)} is refused. Write out what it stands for.")
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            if event.anchor is not None:
                raise self._refused(event, f"the anchor {shown(event.anchor)} is refused. Delete it.")
            if event.tag is not None:
                raise self._refused(
                    event, f"the tag {shown(event.tag)} is refused: values say what they are. Delete it."
                )

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        if event.style is not None:
            return str(event.value)
        try:
            return scalar(event.value)
        except Surprising as rule:
            raise self._refused(event, f"{shown(event.value)} is refused: {rule}.") from rule

    def _list(self, events: _Events, path: Path, depth: int) -> list[Tree]:
        entries: list[Tree] = []
        while not isinstance(events.next, yaml.SequenceEndEvent):
            entries.append(self._tree(events, (*path, len(entries)), depth + 1))
        events.take()
        return entries

    def _map(self, events: _Events, path: Path, depth: int) -> dict[str, Tree]:
        entries: dict[str, Tree] = {}
        while not isinstance(events.next, yaml.MappingEndEvent):
            event = events.take()
            key = self._key(event)
            if key in entries:
                first = self._lines[*path, key]
                raise self._refused(event, f"the key {shown(key)} is here twice, first on line {first}. Keep one.")
            self._lines[*path, key] = _line(event)
            entries[key] = self._tree(events, (*path, key), depth + 1)
        events.take()
        return entries

    def _key(self, event: yaml.Event) -> str:
        self._must_be_plain(event)
        if not isinstance(event, yaml.ScalarEvent):
            raise self._refused(event, "a key is a plain word. Write `word: value`.")
        if event.value == "<<":
            raise self._refused(event, "the merge key << is refused. Write out what it stands for.")
        value = self._scalar(event)
        if not isinstance(value, str) or not value.isprintable():
            raise self._refused(event, f"the key {shown(event.value)} is no word. A name that looks so needs quotes.")
        return value

    def _refused(self, event: yaml.Event, sentence: str) -> FileRefused:
        return FileRefused(self._source, _line(event), sentence)


def _line(event: yaml.Event) -> int:
    return 1 if event.start_mark is None else int(event.start_mark.line) + 1
