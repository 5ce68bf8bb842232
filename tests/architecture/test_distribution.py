"""A plain install is small, brings only our packages, and everything tested is pinned."""

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder
from packaging.metadata import Metadata
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.repository import PACKAGES, ROOT

EXTRAS = {"node", "orchestrator", "dashboard", "postgres", "dev"}
HEAVY = {
    "torch",
    "transformers",
    "peft",
    "accelerate",
    "bitsandbytes",
    "docker",
    "psycopg",
    "starlette",
}
# A virtual environment brings its installers along; the distribution under test is not pinned to itself.
OF_THE_ENVIRONMENT = {"pip", "setuptools", "wheel", "shoal"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a release would upload."""
    builder = WheelBuilder(str(ROOT))
    return Path(next(builder.build(directory=str(tmp_path_factory.mktemp("dist")), versions=["standard"])))


def pins() -> dict[str, str]:
    """Name to version, as constraints.txt says."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def test_the_wheel_holds_our_packages_and_nothing_else_on_top(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == set(PACKAGES)
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)


def test_what_a_plain_install_asks_for_is_light(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = Metadata.from_email(archive.read(name))
    assert set(metadata.provides_extra or ()) == EXTRAS
    plain = {canonicalize_name(need.name) for need in metadata.requires_dist or () if _is_plain(need)}
    assert "pyzmq" in plain
    assert not plain & HEAVY


def test_the_pins_are_versions_in_order_and_no_name_is_pinned_twice() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and line[0] != "#"]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][^\s;]*", line) for line in lines)
    assert lines == sorted(lines, key=lambda line: line.partition("==")[0])
    assert len(pins()) == len(lines)


def test_everything_that_we_ask_for_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(need for extra in project["optional-dependencies"].values() for need in extra)]
    for need in map(Requirement, asked):
        assert need.specifier.contains(pins()[canonicalize_name(need.name)]), f"{need} and its pin disagree"


def test_these_tests_run_with_exactly_what_is_pinned() -> None:
    installed = {
        canonicalize_name(found.name): _public(found.version) for found in distributions() if _is_foreign(found)
    }
    assert {name: version for name, version in installed.items() if pins().get(name) != version} == {}


@pytest.mark.full
@pytest.mark.timeout(600)
def test_a_plain_install_of_the_wheel_is_small_and_works(wheel: Path, tmp_path: Path) -> None:
    python = _venv(tmp_path / "venv")
    _run(python, "-m", "pip", "install", "-q", "-c", str(ROOT / "constraints.txt"), str(wheel))
    listed = json.loads(_run(python, "-m", "pip", "list", "--format=json"))
    installed = {canonicalize_name(found["name"]): found["version"] for found in listed}
    assert not set(installed) & HEAVY
    assert {
        name: installed[name] for name in set(installed) - OF_THE_ENVIRONMENT if pins()[name] != installed[name]
    } == {}
    tops = (python.parents[1] / "lib").glob("python*/site-packages/shoal*")
    assert {top.name for top in tops if not top.name.endswith(".dist-info")} == set(PACKAGES)
    assert "shoal" in _run(python.parent / "shoal", "--version", cwd=tmp_path)


@pytest.mark.full
@pytest.mark.timeout(600)
def test_the_pins_are_what_all_extras_together_need_and_no_more(tmp_path: Path) -> None:
    python = _venv(tmp_path / "venv")
    report = tmp_path / "report.json"
    everything = f"{ROOT}[{','.join(sorted(EXTRAS))}]"
    _run(python, "-m", "pip", "install", "-q", "--dry-run", "--ignore-installed", "--report", str(report),
         "-c", str(ROOT / "constraints.txt"), everything)  # fmt: skip
    resolved = [found["metadata"] for found in json.loads(report.read_text())["install"]]
    needed = {canonicalize_name(found["name"]): _public(found["version"]) for found in resolved}
    assert {name: version for name, version in needed.items() if name not in OF_THE_ENVIRONMENT} == pins()


def _is_plain(need: Requirement) -> bool:
    return need.marker is None or need.marker.evaluate({"extra": ""})


def _public(version: str) -> str:
    """A build's own mark, such as torch's `+cpu`, is not what is pinned."""
    return version.partition("+")[0]


def _is_foreign(found: Distribution) -> bool:
    return canonicalize_name(found.name) not in OF_THE_ENVIRONMENT


def _venv(folder: Path) -> Path:
    _run(Path(sys.executable), "-m", "venv", str(folder))
    return folder / "bin/python"


def _run(program: Path, *arguments: str, cwd: Path = ROOT) -> str:
    run = subprocess.run([program, *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout
