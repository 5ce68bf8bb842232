"""Rules about what our sources say, as functions from one file to findings, so that each can be shown to bite."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.repository import calls

Finding = tuple[int, str]

# Formats and functions that run what they read.
CODE_AS_DATA_MODULES = {
    "pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "jsonpickle",
}  # fmt: skip
CODE_AS_DATA_CALLS = {
    "eval", "exec", "compile", "__import__",
    "yaml.load", "yaml.load_all", "yaml.full_load", "yaml.full_load_all", "yaml.unsafe_load", "yaml.unsafe_load_all",
}  # fmt: skip

OWNERLESS = {"", "asyncio", "loop", "get_running_loop()", "get_event_loop()"}
STRICT_BY_ANOTHER_MEANING = {"zip", "resolve", "ip_network", "ip_interface"}  # nothing is loaded by these

LOG_LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
EVENT_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
IRREGULAR_PARTICIPLES = {
    "become", "begun", "bound", "broken", "built", "caught", "chosen", "come", "cut", "dealt", "drawn", "fallen",
    "fed", "forgotten", "found", "frozen", "given", "gone", "heard", "held", "kept", "known", "laid", "left",
    "lent", "lost", "made", "meant", "met", "paid", "put", "read", "risen", "run", "seen", "sent", "set", "shown",
    "shut", "spent", "split", "stood", "sunk", "taken", "thrown", "told", "understood", "withdrawn", "woken", "won",
    "written",
}  # fmt: skip


def code_as_data(tree: ast.Module) -> Iterator[Finding]:
    """Pickle and its kin, `eval`, unsafe YAML, and torch.load that may unpickle."""
    for node in ast.walk(tree):
        for module in _imported(node):
            if module.partition(".")[0] in CODE_AS_DATA_MODULES:
                yield node.lineno, f"imports {module}"
    for name, call in calls(tree):
        if name in CODE_AS_DATA_CALLS:
            yield call.lineno, f"calls {name}"
        if name.endswith("torch.load") and not _is(_keyword(call, "weights_only"), True):
            yield call.lineno, "calls torch.load without weights_only=True"
        if _is(_keyword(call, "allow_pickle"), True):
            yield call.lineno, f"calls {name} with allow_pickle=True"


def lenient_loading(tree: ast.Module) -> Iterator[Finding]:
    """A model or message that is loaded with `strict=False` hides what did not fit."""
    for name, call in calls(tree):
        if _is(_keyword(call, "strict"), False) and name.rpartition(".")[2] not in STRICT_BY_ANOTHER_MEANING:
            yield call.lineno, f"calls {name} with strict=False"


def routers(tree: ast.Module) -> Iterator[Finding]:
    """A ROUTER drops silently, cannot evict, and lets a stranger squat a name: we use none."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr="ROUTER") | ast.Name(id="ROUTER") | ast.alias(name="ROUTER"):
                yield node.lineno, "names a ZeroMQ ROUTER"


def fire_and_forget(tree: ast.Module) -> Iterator[Finding]:
    """A task that nobody owns dies unseen: it belongs to an asyncio.TaskGroup."""
    for name, call in calls(tree):
        maker, _, made = name.rpartition(".")
        if made in {"create_task", "ensure_future"} and maker.rpartition(".")[2].lstrip("_") in OWNERLESS:
            yield call.lineno, f"calls {name}"


def event_names(tree: ast.Module) -> Iterator[Finding]:
    """The log tells what happened: a fixed name in snake_case whose last word is a participle."""
    for name, call in calls(tree):
        log, _, level = name.rpartition(".")
        if level in LOG_LEVELS and _is_log(log) and (problem := _event_problem(call)):
            yield call.lineno, problem


def _event_problem(call: ast.Call) -> str | None:
    event = call.args[0] if call.args else None
    if not isinstance(event, ast.Constant) or not isinstance(event.value, str):
        return "logs an event whose name is not a literal string"
    if not EVENT_NAME.fullmatch(event.value):
        return f"logs {event.value!r}, which is not snake_case"
    last = event.value.rpartition("_")[2]
    if not last.endswith("ed") and last not in IRREGULAR_PARTICIPLES:
        return f"logs {event.value!r}, whose last word is not in the past tense (irregular ones are listed)"
    return None


def _is_log(receiver: str) -> bool:
    return receiver.rpartition(".")[2].lower().lstrip("_") in {"log", "logger", "logging", "get_log()", "get_logger()"}


def _imported(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module)):
            return [module]
        case _:
            return []


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _is(value: ast.expr | None, wanted: bool) -> bool:
    return isinstance(value, ast.Constant) and value.value is wanted


RULES = {rule.__name__: rule for rule in (code_as_data, lenient_loading, routers, fire_and_forget, event_names)}
