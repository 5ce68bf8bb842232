"""The pages that the house promises are there, and every link on them leads somewhere."""

import re
from pathlib import Path

import pytest

from tests.architecture.repository import ROLE_FOLDERS, ROOT, markdown_files

PAGES = ("README.md", "ARCHITECTURE.md", "GLOSSARY.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", PAGES)
def test_the_page_exists_and_says_something(name: str) -> None:
    assert len((ROOT / name).read_text()) > 200


@pytest.mark.parametrize("folder", ROLE_FOLDERS)
def test_every_folder_says_what_it_is_for(folder: str) -> None:
    assert (ROOT / folder / "README.md").read_text().startswith("# ")


def test_the_node_readme_says_first_where_the_networked_half_lives() -> None:
    assert "swarm/shoal_swarm/peer" in (ROOT / "node/README.md").read_text().splitlines()[0]


def test_the_changelog_has_a_place_for_what_comes_next() -> None:
    assert "\n## [Unreleased]\n" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("page", markdown_files(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    text = FENCED.sub("", page.read_text())
    targets = [target for target in LINK.findall(text) if not re.match(r"[a-z]+:", target)]
    assert [target for target in targets if not _leads_somewhere(page, target)] == []


def _leads_somewhere(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    goal = page.parent / path if path else page
    return goal.exists() and (not anchor or anchor in _anchors(goal))


def _anchors(page: Path) -> set[str]:
    """Headings as the usual renderers name them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
