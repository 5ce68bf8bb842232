"""A plan says exactly what is started and with what; what cannot work is refused before anything is changed."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from shoal_base.errors import InputRefused, PlaceRefused
from shoal_orchestrator.planning.defaults import Choices, profile_text, task_text
from shoal_orchestrator.planning.places import Places
from shoal_orchestrator.planning.plan import POOLED, Machine, RunPlan, Wanted, check, plan_run, told
from shoal_swarm.service.host import Host
from shoal_swarm.spec.profile import read_profile
from shoal_swarm.spec.task import read_task

MACHINE = Machine(cores=8, ports=(20_001, 20_002, 20_003), environment={"PATH": "/bin", "SHOAL_HOME": "/elsewhere"})
CHOICES = Choices(nodes=2, rounds=4, seed=9)


def _wanted(folder: Path, *, choices: Choices = CHOICES, baselines: bool = True) -> Wanted:
    task, profile = folder / "task.yaml", folder / "profile.yaml"
    return Wanted(
        task=read_task(task_text(choices).encode(), str(task)),
        task_file=task,
        host=Host(read_profile(profile_text(choices).encode(), str(profile)), folder),
        profile_file=profile,
        baselines=baselines,
    )


def _plan(folder: Path, *, baselines: bool = True) -> RunPlan:
    return plan_run(_wanted(folder, baselines=baselines), Places(folder / "out", "reviews"), MACHINE)


def _value(words: list[str], option: str) -> str:
    return words[words.index(option) + 1]


def test_each_node_has_its_own_name_port_and_keys_and_all_know_the_sentinel(tmp_path: Path) -> None:
    plan = _plan(tmp_path)
    assert list(plan.nodes) == ["node-1", "node-2"]
    assert _value(list(plan.sentinel.arguments), "--port") == "20001"
    for number, order in enumerate(plan.nodes.values(), 1):
        words = list(order.arguments)
        assert words[0] == "node"
        assert _value(words, "--sentinel") == "127.0.0.1:20001"
        assert _value(words, "--address") == f"127.0.0.1:{20_001 + number}"
        assert Path(_value(words, "--key")).parent.name == f"node-{number}"


def test_everything_lives_in_the_home_of_the_run_and_shares_the_cores(tmp_path: Path) -> None:
    plan = _plan(tmp_path)
    assert {order.environment["SHOAL_HOME"] for order in plan.orders} == {str(tmp_path / "out/home")}
    assert {order.environment["OMP_NUM_THREADS"] for order in plan.nodes.values()} == {"4"}
    assert "OMP_NUM_THREADS" not in plan.sentinel.environment
    assert len({order.log for order in plan.orders}) == len(plan.orders)


def test_baselines_are_planned_only_for_who_wants_them(tmp_path: Path) -> None:
    assert not _plan(tmp_path, baselines=False).baselines
    plan = _plan(tmp_path)
    assert list(plan.baselines) == [POOLED, "node-1", "node-2"]
    assert "--pooled" in plan.baselines[POOLED].arguments
    assert "--alone" in plan.baselines["node-1"].arguments
    assert len({_value(list(order.arguments), "--out") for order in plan.baselines.values()}) == 3
    assert sum(line.startswith("  shoal ") for line in told(plan)) == 6


def test_a_task_and_a_profile_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    wanted = _wanted(tmp_path)
    odd = replace(wanted, host=_wanted(tmp_path, choices=replace(CHOICES, nodes=3)).host)
    with pytest.raises(InputRefused, match=r"wants swarm\.nodes: 2, and .* offers 3"):
        check(odd)
    with pytest.raises(PlaceRefused, match=r"node-1\.csv, which the profile names for node-1, is no file"):
        check(wanted)
    nodes = tuple(node.model_copy(update={"datasets": {}}) for node in wanted.host.profile.nodes)
    bare = replace(wanted, host=Host(wanted.host.profile.model_copy(update={"nodes": nodes}), tmp_path))
    with pytest.raises(InputRefused, match=r"data\.dataset: train is not among the datasets of node-1"):
        check(bare)


def test_a_task_that_names_a_column_that_is_not_there_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in ("node-1", "node-2", "test"):
        (tmp_path / f"data/{name}.csv").write_text("text,stars\nfine,5\n")
    wanted = _wanted(tmp_path)
    check(wanted)
    (tmp_path / "data/node-2.csv").write_text("text,rating\nfine,5\n")
    with pytest.raises(InputRefused, match=r"data/node-2\.csv has no column stars: its columns are text, rating"):
        check(wanted)


def test_what_init_writes_is_what_was_chosen() -> None:
    chosen = Choices(nodes=4, rounds=7, seed=1, labels=3, first_label=0, text="no", label="a: b #", test="/x y/t.csv")
    task = read_task(task_text(chosen).encode(), "task.yaml")
    profile = read_profile(profile_text(chosen).encode(), "profile.yaml")
    assert (task.rounds, task.train.seed, task.swarm.nodes) == (7, 1, 4)
    assert (task.data.text, task.data.label, task.label_names) == ("no", "a: b #", ("0", "1", "2"))
    assert [node.name for node in profile.nodes] == ["node-1", "node-2", "node-3", "node-4"]
    assert profile.nodes[0].datasets["test"].path == "/x y/t.csv"
    assert yaml.safe_load(task_text(chosen))["shoal"] == "task/v1"
