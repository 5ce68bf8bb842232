"""`shoal run`: a whole swarm on this machine, from a task to a table."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from shoal_base.command import Command, Reply
from shoal_base.errors import InputRefused
from shoal_base.home import this_home
from shoal_orchestrator.cli.choices import choice_options, choices_of
from shoal_orchestrator.engines.process import ProcessEngine
from shoal_orchestrator.planning.places import Places
from shoal_orchestrator.planning.plan import RunPlan, Wanted, check, plan_run, told
from shoal_orchestrator.reporting.judging import judge
from shoal_orchestrator.reporting.results import read_results
from shoal_orchestrator.reporting.summary import summary
from shoal_orchestrator.reporting.table import report
from shoal_orchestrator.running.certificates import make_certificates
from shoal_orchestrator.running.embedded import Demonstration
from shoal_orchestrator.running.folder import claimed, write_whole
from shoal_orchestrator.running.machine import this_machine
from shoal_orchestrator.running.show import shown
from shoal_orchestrator.running.swarm import Run
from shoal_swarm.service.host import Host, host_in
from shoal_swarm.service.run_config import task_in
from shoal_swarm.service.stopping import run_service
from shoal_swarm.spec.profile import read_profile
from shoal_swarm.spec.task import read_task

_A_FILE = click.Path(path_type=Path, dir_okay=False)
_A_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("run", cls=Command)
@click.argument("task", type=_A_FILE, required=False)
@click.option("--profile", type=_A_FILE, help="What this host offers: nodes, their data, models, outputs.")
@click.option("--baselines", is_flag=True, help="Also train each node alone, and on everybody's data in one place.")
@click.option("--dry-run", is_flag=True, help="Only say what would be started.")
@click.option("--out", type=_A_FOLDER, help="Where everything goes. Default: SHOAL_HOME/runs/<task>.")
@click.option(
    "--data",
    type=_A_FOLDER,
    help="Without a task: a folder with train.csv and test.csv, to be divided among the nodes.",
)
@choice_options
def run(
    *,
    task: Path | None,
    profile: Path | None,
    baselines: bool,
    dry_run: bool,
    out: Path | None,
    data: Path | None,
    nodes: int | None,
    rounds: int | None,
    seed: int | None,
) -> Reply:
    """Run a TASK on this machine with a sentinel and all the profile's nodes, or without a TASK a small demonstration.

    The demonstration makes up film reviews, or divides those in --data, and teaches the embedded model their stars.
    """
    chosen = {"--data": data, "--nodes": nodes, "--rounds": rounds, "--seed": seed}
    if task is None:
        if profile is not None:
            raise InputRefused("A profile belongs to a task: name the task before --profile.")
        root = (out or this_home().runs / "demo").absolute()
        choices = choices_of(nodes=nodes, rounds=rounds, seed=seed)
        wanted = _demonstrated(Demonstration.of(root, choices, data), baselines=baselines, is_real=not dry_run)
    else:
        if odd := [name for name, value in chosen.items() if value is not None]:
            raise InputRefused(f"{' and '.join(odd)} go without a task; a task and its profile say that themselves.")
        if profile is None:
            raise InputRefused("A task needs a profile, which says where this host's data lie. Give --profile FILE.")
        root = (out or this_home().runs / task_in(task).name).absolute()
        wanted = _wanted(task.absolute(), profile.absolute(), baselines=baselines)
    plan = plan_run(wanted, Places(root, swarm=wanted.task.name), this_machine(wanted.task.swarm.nodes))
    if dry_run:
        return Reply(told(plan), {"start": [list(order.arguments) for order in plan.orders]})
    with claimed(plan.places, plan.config.run, plan.config.digest().hex()):
        make_certificates(plan.places, list(plan.nodes), datetime.now(UTC))
        with shown(plan.config.rounds, plan.config.sync_every) as show:
            run_service(Run(plan, ProcessEngine(), show).carry_out())
        return _reply(plan)


def _wanted(task: Path, profile: Path, *, baselines: bool) -> Wanted:
    found = Wanted(task=task_in(task), task_file=task, host=host_in(profile), profile_file=profile, baselines=baselines)
    check(found)
    return found


def _demonstrated(one: Demonstration, *, baselines: bool, is_real: bool) -> Wanted:
    """The demonstration's files, written if this is for real and only imagined if not."""
    if is_real:
        one.write()
        return _wanted(one.task, one.profile, baselines=baselines)
    texts = one.texts
    return Wanted(
        task=read_task(texts[one.task].encode(), str(one.task)),
        task_file=one.task,
        host=Host(read_profile(texts[one.profile].encode(), str(one.profile)), one.root),
        profile_file=one.profile,
        baselines=baselines,
    )


def _reply(plan: RunPlan) -> Reply:
    results = read_results(plan)
    verdict = judge(results)
    facts = summary(results, verdict)
    write_whole(plan.places.summary, json.dumps(facts, indent=2) + "\n")
    return Reply([*report(results, verdict), f"All figures: {plan.places.summary}"], facts)
