"""The run configuration as the processes of a swarm use it: from a task's file or from options, and its rules."""

from pathlib import Path

from shoal_base.errors import InputRefused, PlaceRefused
from shoal_swarm.merge.plan import Combine
from shoal_swarm.protocol.names import Digest, RunId
from shoal_swarm.protocol.run_rules import RunRules
from shoal_swarm.spec.reader import BYTES_MAX
from shoal_swarm.spec.run import ADAPTER_BYTES_MAX, ADAPTER_BYTES_MIN, DRIFT_ROUNDS, OwnScript, RunConfig, Synthetic
from shoal_swarm.spec.task import Task, read_task
from shoal_swarm.spec.words import NODES_MAX, ROUNDS_MAX, STEPS_MAX, is_name


def synthetic_run(
    run: str,
    adapter_bytes: int,
    rounds: int,
    min_nodes: int,
    owners_max: int = NODES_MAX,
    combine: str = Combine.EXACT,
) -> RunConfig:
    """The run of made-up work that these options spell; a value outside its bounds is refused."""
    _check("--synthetic", adapter_bytes, ADAPTER_BYTES_MIN, ADAPTER_BYTES_MAX)
    return _spelled(run, Synthetic(adapter_bytes=adapter_bytes), rounds, min_nodes, owners_max, combine)


def own_script_run(
    run: str,
    sync_every: int,
    rounds: int,
    min_nodes: int,
    owners_max: int = NODES_MAX,
    combine: str = Combine.EXACT,
) -> RunConfig:
    """The run of nodes' own scripts that these options spell; a value outside its bounds is refused."""
    _check("--sync-every", sync_every, 1, STEPS_MAX)
    config = _spelled(run, OwnScript(), rounds, min_nodes, owners_max, combine)
    return config.model_copy(update={"sync_every": sync_every, "drift_cap": DRIFT_ROUNDS * sync_every})


def _spelled(
    run: str, work: Synthetic | OwnScript, rounds: int, min_nodes: int, owners_max: int, combine: str
) -> RunConfig:
    if not is_name(run):
        raise InputRefused(
            f"{run[:80]!a} cannot name a run: 1 to 63 lower-case letters, digits and inner dashes can. Choose another."
        )
    _check("--rounds", rounds, 1, ROUNDS_MAX)
    _check("--min-nodes", min_nodes, 1, NODES_MAX)
    _check("--owners-max", owners_max, 1, NODES_MAX)
    return RunConfig(
        run=run,
        work=work,
        rounds=rounds,
        min_nodes=min_nodes,
        copies=min(2, min_nodes),
        owners_max=owners_max,
        combine=combine,
    )


def _check(what: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise InputRefused(f"{what} {value} is refused: it must lie between {least} and {most}.")


def file_content(path: Path) -> bytes:
    """What a file of a person holds; never more than any such file may have, and one byte to notice it by."""
    try:
        with path.open("rb") as file:
            return file.read(BYTES_MAX + 1)
    except OSError as problem:
        raise PlaceRefused(f"{path} cannot be read: {problem.strerror}. Name a file that is there.") from problem


def task_in(path: Path) -> Task:
    """The task in a file."""
    return read_task(file_content(path), str(path))


def rules_of(config: RunConfig) -> RunRules:
    """The part of a configuration that decides rounds."""
    return RunRules(
        run=RunId(config.run),
        config_hash=Digest(config.digest()),
        min_nodes=config.min_nodes,
        rounds=config.rounds,
        copies=config.copies,
        sync_every=config.sync_every,
        drift_cap=config.drift_cap,
        is_paced=config.is_paced,
        owners_max=config.owners_max,
        weight_max=config.weight_max,
    )
