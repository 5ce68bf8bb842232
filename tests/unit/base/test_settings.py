"""The environment is read once and checked; a variable that breaks a rule is refused by its name."""

from pathlib import Path

import pytest

from shoal_base.errors import InputRefused
from shoal_base.settings import LogFormat, LogLevel, read_settings


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SHOAL_HOME", "SHOAL_LOG_LEVEL", "SHOAL_LOG_FORMAT"):
        monkeypatch.delenv(name, raising=False)


def test_without_variables_the_defaults_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    settings = read_settings()
    assert settings.home == Path("/home/ana/.shoal")
    assert (settings.log_level, settings.log_format) == (LogLevel.INFO, LogFormat.AUTO)


def test_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOAL_HOME", "/srv/shoal")
    monkeypatch.setenv("SHOAL_LOG_LEVEL", "warning")
    monkeypatch.setenv("SHOAL_LOG_FORMAT", "json")
    settings = read_settings()
    assert (settings.home, settings.log_level, settings.log_format) == (
        Path("/srv/shoal"),
        LogLevel.WARNING,
        LogFormat.JSON,
    )


def test_an_empty_variable_is_no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    monkeypatch.setenv("SHOAL_HOME", "")
    assert read_settings().home == Path("/home/ana/.shoal")


@pytest.mark.parametrize(("variable", "value"), [("SHOAL_LOG_LEVEL", "loud"), ("SHOAL_LOG_FORMAT", "xml")])
def test_a_refusal_names_variable_value_and_what_is_allowed(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(InputRefused, match=rf"^{variable}='{value}' is refused: .*'json'|'debug'.*Set it"):
        read_settings()
