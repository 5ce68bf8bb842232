"""The log is a line for a person in a terminal and one JSON object a line elsewhere, and never on stdout."""

import io
import json

import pytest

from shoal_base.logs import configure_logs, get_log
from shoal_base.settings import LogFormat, LogLevel, Settings


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


def logged(log_format: LogFormat, stream: io.StringIO, log_level: LogLevel = LogLevel.INFO) -> list[str]:
    configure_logs(Settings(log_format=log_format, log_level=log_level), stream)
    log = get_log(run="reviews-1")
    log.debug("round_opened", round=7)
    log.info("round_committed", round=7)
    try:
        1 / 0  # noqa: B018 - the exception is what is logged
    except ZeroDivisionError:
        log.exception("merge_failed")
    return stream.getvalue().splitlines()


def test_json_is_one_object_a_line_with_bound_facts_and_utc_time() -> None:
    lines = [json.loads(line) for line in logged(LogFormat.JSON, io.StringIO())]
    assert [line["event"] for line in lines] == ["round_committed", "merge_failed"]
    assert (lines[0]["run"], lines[0]["round"], lines[0]["level"]) == ("reviews-1", 7, "info")
    assert lines[0]["timestamp"].endswith("Z")
    assert "ZeroDivisionError" in lines[1]["exception"]


def test_a_person_gets_a_line_to_read() -> None:
    first = logged(LogFormat.CONSOLE, io.StringIO())[0]
    assert "round_committed" in first
    assert not first.startswith("{")


@pytest.mark.parametrize(("stream", "is_json"), [(io.StringIO(), True), (Terminal(), False)])
def test_left_to_itself_it_looks_where_it_goes(stream: io.StringIO, is_json: bool) -> None:
    assert logged(LogFormat.AUTO, stream)[0].startswith("{") is is_json


def test_events_below_the_level_are_not_logged() -> None:
    assert [json.loads(line)["event"] for line in logged(LogFormat.JSON, io.StringIO(), LogLevel.ERROR)] == [
        "merge_failed"
    ]
    assert len(logged(LogFormat.JSON, io.StringIO(), LogLevel.DEBUG)) == 3


def test_stdout_stays_free(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(Settings(log_format=LogFormat.JSON))
    get_log().info("node_joined")
    said = capsys.readouterr()
    assert said.out == ""
    assert json.loads(said.err)["event"] == "node_joined"
