"""Nothing we ship runs what it reads, loads leniently, opens a ROUTER, or logs an event without a fixed name."""

import ast

import pytest

from tests.architecture.repository import ROOT, package_files, parsed
from tests.architecture.sources import RULES

# Where a rule is kept in another way, and how.
EXCEPTIONS = {
    (
        "fire_and_forget",
        "swarm/shoal_swarm/transport/endpoint.py",
    ): "it keeps its tasks, and ends them as it closes",
}
OFFENDERS = {
    "code_as_data": [
        "import pickle",
        "from pickle import loads",
        "import dill as d",
        "eval('1')",
        "yaml.load(text)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "numpy.load(path, allow_pickle=True)",
    ],
    "lenient_loading": ["model.load_state_dict(state, strict=False)", "decoder(strict=False)"],
    "routers": ["context.socket(zmq.ROUTER)", "from zmq import ROUTER"],
    "fire_and_forget": [
        "asyncio.create_task(work())",
        "create_task(work())",
        "asyncio.get_running_loop().create_task(work())",
        "self._loop.create_task(work())",
    ],
    "event_names": [
        "log.info(f'{peer}_joined')",
        "log.info(name)",
        "self._log.warning('peer joins')",
        "get_log().error('peer_join')",
        "log.info('Joined')",
        "log.exception()",
    ],
}
HARMLESS = {
    "code_as_data": ["yaml.safe_load(text)", "torch.load(path, weights_only=True)", "re.match(pattern, text)"],
    "lenient_loading": ["model.load_state_dict(state)", "zip(a, b, strict=False)", "ip_network(text, strict=False)"],
    "routers": ["context.socket(zmq.DEALER)"],
    "fire_and_forget": ["group.create_task(work(), name='sweep')"],
    "event_names": ["log.info('peer_joined', peer=peer)", "get_log().error('link_lost')", "click.echo('hello')"],
}


@pytest.mark.parametrize("rule", RULES)
def test_our_sources_keep_the_rule(rule: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line} {problem}"
        for file in package_files()
        if (rule, str(file.relative_to(ROOT))) not in EXCEPTIONS
        for line, problem in RULES[rule](parsed(file))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule, texts in OFFENDERS.items() for text in texts])
def test_the_rule_bites(rule: str, text: str) -> None:
    assert list(RULES[rule](ast.parse(text))), text


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule, texts in HARMLESS.items() for text in texts])
def test_the_rule_leaves_the_rest_alone(rule: str, text: str) -> None:
    assert not list(RULES[rule](ast.parse(text))), text
