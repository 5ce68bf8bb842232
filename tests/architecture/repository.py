"""The tree as the gates see it: packages, Python files, Markdown."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "shoal_base": ROOT / "swarm/shoal_base",
    "shoal_certs": ROOT / "certs/shoal_certs",
    "shoal_swarm": ROOT / "swarm/shoal_swarm",
    "shoal_node": ROOT / "node/shoal_node",
    "shoal_orchestrator": ROOT / "orchestrator/shoal_orchestrator",
}
ROLE_FOLDERS = ("certs", "swarm", "node", "orchestrator", "examples", "compose", "scripts", "tests")
_FOREIGN = {"node_modules", "build", "dist", "out", "workspace"}


def package_files() -> list[Path]:
    """Every Python file that we ship."""
    return [file for folder in PACKAGES.values() for file in sorted(folder.rglob("*.py"))]


def markdown_files() -> list[Path]:
    """Every page of the project; what tools and users leave in the checkout is not ours."""
    return [file for file in sorted(ROOT.rglob("*.md")) if not _is_foreign(file.relative_to(ROOT))]


def parsed(file: Path) -> ast.Module:
    """The file as a syntax tree."""
    return ast.parse(file.read_text(), filename=str(file))


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Every call with the dotted name that it is written with."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield dotted(node.func), node


def dotted(node: ast.expr) -> str:
    """`zmq.ROUTER` for an attribute of a name; what is no plain name is written `?`."""
    match node:
        case ast.Name(name):
            return name
        case ast.Attribute(value, name):
            return f"{dotted(value)}.{name}"
        case ast.Call(function):
            return f"{dotted(function)}()"
        case _:
            return "?"


def _is_foreign(path: Path) -> bool:
    return any(part.startswith(".") or part in _FOREIGN for part in path.parts)
