"""What the environment says about how a process runs here: its home and its log.

Secrets are not among these; a passphrase comes from a file, a variable or a prompt of its own.
"""

from enum import StrEnum
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shoal_base.errors import InputRefused


class LogLevel(StrEnum):
    """From how serious an event on the log shows it."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How the log looks."""

    AUTO = "auto"
    CONSOLE = "console"
    JSON = "json"


class Settings(BaseSettings):
    """One process's surroundings, read once at its start."""

    model_config = SettingsConfigDict(
        env_prefix="SHOAL_",
        env_ignore_empty=True,  # SHOAL_HOME= would otherwise mean the folder that one happens to stand in
        frozen=True,
        use_attribute_docstrings=True,
    )

    home: Path = Field(default_factory=lambda: Path.home() / ".shoal")
    """Where this machine keeps certificates, state, logs, runs and models (SHOAL_HOME)."""

    log_level: LogLevel = LogLevel.INFO
    """Events below this are not logged (SHOAL_LOG_LEVEL)."""

    log_format: LogFormat = LogFormat.AUTO
    """`auto` is `console` in a terminal and `json` elsewhere (SHOAL_LOG_FORMAT)."""

    faults_allowed: bool = False
    """Whether a test may plan faults for this process (SHOAL_FAULTS_ALLOWED)."""

    fault: str = ""
    """The fault that a test plans for this process, refused where none are allowed (SHOAL_FAULT)."""


def read_settings() -> Settings:
    """The settings of this process; a variable that breaks a rule is refused by its name."""
    try:
        return Settings()
    except ValidationError as refusal:
        first = refusal.errors()[0]
        variable = "SHOAL_" + "_".join(str(part) for part in first["loc"]).upper()
        raise InputRefused(
            f"{variable}={first['input']!r} is refused: {first['msg']}. Set it to an allowed value or unset it."
        ) from refusal
