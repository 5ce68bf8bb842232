"""How a row of the crash table becomes a story."""

from tests.simulation.seeds import Recovery
from tests.simulation.world import Host, World
from tests.transcripts.rows import BEGIN_S, END_S, Row

SEED = 2026
NOISE = ("sentinel sends", "sends Lease", "fetches", "appends", "drops", "measures")
"""What would fill the page and is said again and again anyway."""


def lived(row: Row) -> World:
    """The world after the row's trouble and a recovery."""
    world = World(SEED, row.shape, story=True)
    row.happens(world)
    world.watchers.append(lambda host, effect: _note(world, host, effect))
    world.boot_all()
    world.run_until(END_S)
    recovery = Recovery(world)
    is_well = world.run_until(world.now + 60.0, recovery.is_complete)
    assert is_well, recovery.missing()
    world.check_newest()
    return world


def story_of(row: Row) -> str:
    """The row's transcript."""
    world = lived(row)
    told = [line for line in world.story or [] if BEGIN_S - 0.5 <= float(line[:9]) <= BEGIN_S + row.story_s]
    commits = world.invariants.commits
    given_up = sum(commit.attempt for commit in commits.values())
    late = sum(1 for cut in world.invariants.cuts.values() for one in cut.contributors if one.signed.manifest.folds)
    return "\n".join(
        [
            row.title,
            "",
            f"Consequence: {row.consequence}",
            f"Because:     {row.mechanism}",
            "",
            *(line.rstrip() for line in told),
            "",
            f"After all:   {len(commits)} rounds committed, {given_up} attempts given up,",
            f"             {late} contributions with late work folded in, nothing lost, nothing twice,",
            "             every node at the same bytes.",
            "",
        ]
    )


def _note(world: World, host: Host, effect: object) -> bool:
    label: str = effect.label  # type: ignore[attr-defined] - every effect has a label
    if not any(noise in label for noise in NOISE):
        world.tell(f"    {label.replace('peer', host.name, 1).replace('sentinel', host.name, 1)}")
    return False
