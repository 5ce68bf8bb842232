"""A file that two readers could read differently is refused, with the line and the rule."""

import pytest

from shoal_base.errors import InputRefused
from shoal_swarm.spec.reader import BYTES_MAX, DEPTH_MAX, read
from shoal_swarm.spec.refusals import FileRefused


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: no", 1, "'no' is refused"),
        ("a: 1\nb: Off", 2, "true or false"),
        ("a: 22:22", 1, "readers differ"),
        ("a: 010", 1, "readers differ"),
        ("a: 0o10", 1, "readers differ"),
        ("a: 0x1F", 1, "readers differ"),
        ("a: 1_000", 1, "readers differ"),
        ("a: .5", 1, "readers differ"),
        ("a: +1", 1, "readers differ"),
        ("a: .inf", 1, "readers differ"),
        ("a: 2020-01-01", 1, "readers differ"),
        ("a: 1e999", 1, "larger than any number"),
        ("a: 1234567890123456789", 1, "at most 18 digits"),
        ("a:", 1, "needs a value"),
        ("a: ~", 1, "needs a value"),
        ("a: &x 1", 1, "anchor 'x'"),
        ("a: 1\nb: *x", 2, "alias 'x'"),
        ("a: !!python/object:os.system x", 1, "tag"),
        ("<<: {a: 1}", 1, "merge key"),
        ("a: 1\nb: 2\na: 3", 3, "twice, first on line 1"),
        ("a: 1\n---\nb: 2", 2, "second document"),
        ("%YAML 1.2\n---\na: 1", 1, "begins with %"),
        ("- a\n- b", 1, "holds no map"),
        ("", 1, "empty"),
        ("# nothing", 1, "empty"),
        ("? [a, b]\n: 1", 1, "a key is a plain word"),
        ("1: a", 1, "is no word"),
        ("yes: a", 1, "true or false"),
        ("a: [1, 2", 1, "no YAML"),
        ("a: 'open", 1, "no YAML"),
        ("a:\n\tb: 1", 2, "no YAML"),
        ("a: " + "[" * 100_000, 1, f"deeper than {DEPTH_MAX}"),
    ],
)
def test_what_could_mislead_is_refused_where_it_stands(text: str, line: int, said: str) -> None:
    with pytest.raises(FileRefused, match=said) as refusal:
        read(text.encode(), "task.yaml")
    assert str(refusal.value).startswith(f"task.yaml:{line}: ")
    assert refusal.value.facts()["line"] == line


def test_plain_values_are_what_they_look_like() -> None:
    text = 'a: true\nb: -7\nc: 2.0e-4\nd: 2e-4\ne: word with spaces\nf: "010"\ng: [1, x, {h: 0}]\ni: 10.0.0.5:30306\n'
    document = read(text.encode(), "x")
    assert document.tree == {
        "a": True,
        "b": -7,
        "c": 2e-4,
        "d": 2e-4,
        "e": "word with spaces",
        "f": "010",
        "g": [1, "x", {"h": 0}],
        "i": "10.0.0.5:30306",
    }
    assert document.line_of(("g", 2, "h")) == 7
    assert document.line_of(("i", "nothing", "here")) == 8


def test_bytes_that_are_no_text_or_too_many_are_refused() -> None:
    with pytest.raises(FileRefused, match="x:2: this is no UTF-8"):
        read(b"a: 1\nb: \xff", "x")
    with pytest.raises(InputRefused, match=f"at most {BYTES_MAX}"):
        read(b" " * (BYTES_MAX + 1), "x")
