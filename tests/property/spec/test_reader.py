"""Whatever bytes come as a task, they are read or refused with a sentence; nothing else ever comes out."""

import yaml
from hypothesis import given
from hypothesis import strategies as st

from shoal_swarm.spec.reader import read
from shoal_swarm.spec.refusals import FileRefused
from shoal_swarm.spec.task import Task, read_task

SPELLINGS = """shoal: task/v1@name: @a@no@22:22@010@1e5@-@ @: @? @- @[@]@{@}@,@&x @*x@!t @'@"@|@>@#@%@---@...@<<@\\@é"""
PARTS = st.sampled_from([*SPELLINGS.split("@"), "\n", "\t", "\x00", "\x85", "\ufeff"])
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=12)
TREES = st.recursive(
    st.booleans() | st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=20,
)


@given(st.binary(max_size=300) | st.lists(PARTS, max_size=40).map(lambda parts: "".join(parts).encode()))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        task = read_task(content, "fuzz")
    except FileRefused as refusal:
        said = str(refusal)
    else:
        assert isinstance(task, Task)
        return
    assert said.startswith("fuzz:")


@given(st.dictionaries(WORDS, TREES, min_size=1, max_size=5))
def test_what_is_read_is_what_another_reader_reads(tree: dict[str, object]) -> None:
    """Where this reader says anything at all, it says what YAML's own safe reader says."""
    text = yaml.safe_dump(tree, allow_unicode=True)
    try:
        mine = read(text.encode(), "fuzz").tree
    except FileRefused:
        return
    assert mine == yaml.safe_load(text)
