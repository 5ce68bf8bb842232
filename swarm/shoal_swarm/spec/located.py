"""A document as a model: every rule that it breaks, with line, value, rule and the nearest right spelling."""

import difflib
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from shoal_swarm.spec.reader import Document, Path, Tree, read, shown
from shoal_swarm.spec.refusals import FileRefused

Model = TypeVar("Model", bound=BaseModel)
PROBLEMS_SHOWN: Final = 8


class Section(BaseModel):
    """A part of a file: no unknown keys, no conversions behind anybody's back, never changed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


def read_model(content: bytes, source: str, model: type[Model], kind: str) -> Model:
    """The model that a file spells; refused with everything that is wrong with it."""
    document = read(content, source)
    said = document.tree.get("shoal")
    if said != kind:
        line = document.line_of(("shoal",))
        heard = "it does not say what it is" if said is None else f"it says shoal: {shown(said)}"
        raise FileRefused(source, line, f"{heard}, and `shoal: {kind}` is wanted here. Is this the right file?")
    return fitted(document, model)


def fitted(document: Document, model: type[Model]) -> Model:
    """A document's tree as a model."""
    try:
        return model.model_validate_json(json.dumps(document.tree))
    except ValidationError as refusal:
        found = refusal.errors(include_url=False)
        sentences = [(document.line_of(_place(one)), _sentence(document, model, one)) for one in found]
        unique = sorted(dict.fromkeys(sentences))
        (line, first), rest = unique[0], unique[1:PROBLEMS_SHOWN]
        more = [f"{document.source}:{other}: {sentence}" for other, sentence in rest]
        raise FileRefused(document.source, line, "\n".join([first, *more])) from refusal


def _place(problem: ErrorDetails) -> Path:
    return tuple(problem["loc"])


def _sentence(document: Document, model: type[BaseModel], problem: ErrorDetails) -> str:
    place = _place(problem)
    where = _written(document, place)
    match problem["type"]:
        case "extra_forbidden":
            known = _keys_at(model, place[:-1])
            return f"{where}: there is no such key here.{_nearest(str(place[-1]), known)}"
        case "missing":
            return f"{'.'.join(map(str, place))} is missing: this key has no default. Add it."
        case "value_error":
            told = str(problem.get("ctx", {}).get("error", problem["msg"]))
            return f"{where}: {told}" if where else told
        case _:
            value = problem["input"]
            hint = _nearest(value, _choices(problem)) if isinstance(value, str) else ""
            return f"{where}: {shown(value)} is refused: {problem['msg'][:1].lower()}{problem['msg'][1:]}.{hint}"


def _written(document: Document, place: Path) -> str:
    """A place as a person wrote it: pydantic's names for the branches of a choice are left out."""
    here: Tree = dict(document.tree)
    words: list[str] = []
    for step in place:
        match here, step:
            case dict(), str() if step in here:
                here = here[step]
            case list(), int() if step < len(here):
                here = here[step]
            case _:
                continue
        words.append(str(step))
    return ".".join(words)


def _choices(problem: ErrorDetails) -> Sequence[str]:
    expected = str(problem.get("ctx", {}).get("expected", ""))
    return [word.strip(" '") for word in expected.replace(" or ", ",").split(",")]


def _nearest(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if close:
        return f" Do you mean {close[0]}?"
    return f" Known are {', '.join(known)}." if known and all(known) else ""


def _keys_at(model: type[BaseModel], place: Path) -> Sequence[str]:
    here: list[type[BaseModel]] = [model]
    for part in place:
        inside = [field.annotation for one in here for name, field in one.model_fields.items() if name == part]
        found = [one for annotation in inside for one in _models_in(annotation)]
        here = found or here
    return [name for one in here for name in one.model_fields]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - whatever stands behind a colon
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
