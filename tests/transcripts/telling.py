"""How a row of the crash table becomes a story."""

from shoal_swarm.protocol.decisions import Decision, Opened
from tests.simulation.seeds import Recovery
from tests.simulation.world import Host, World
from tests.transcripts.rows import BEGIN_S, END_S, Row

SEED = 2026
NOISE = ("sentinel", "sends Lease", "sends Join", "fetches", "appends", "drops", "measures", "keeps", "writes books")
"""What would fill the page, or is told by its outcome anyway."""


def lived(row: Row) -> World:
    """The world after the row's trouble and a recovery."""
    world = World(SEED, row.shape, story=True)
    row.happens(world)
    world.watchers.append(_Notes(world).note)
    world.boot_all()
    world.run_until(END_S)
    recovery = Recovery(world)
    is_well = world.run_until(world.now + 60.0, recovery.is_complete)
    assert is_well, recovery.missing()
    world.witness.check_newest()
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


class _Notes:
    """Notes what a machine does the first time in an attempt; what it says again adds nothing."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.noted: set[str] = set()
        world.on_entry.append(self.begin_anew)

    def begin_anew(self, decision: Decision) -> None:
        """A new attempt: everything is worth a line again."""
        if isinstance(decision, Opened):
            self.noted.clear()

    def note(self, host: Host, effect: object) -> bool:
        """Add a line, unless it would only fill the page."""
        label: str = effect.label  # type: ignore[attr-defined] - every effect has a label
        sentence = label.replace("peer", host.name, 1).replace("sentinel", host.name, 1)
        if sentence not in self.noted and not any(noise in label for noise in NOISE):
            self.noted.add(sentence)
            self.world.tell(f"    {sentence}")
        return False
