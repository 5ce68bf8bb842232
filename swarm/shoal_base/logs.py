"""The log, set up once for a process.

An event is a name in the past tense with its facts as fields: `log.info("certificate_issued", serial=...)`.
In a terminal it is a line for a person, elsewhere one JSON object a line. It goes to stderr, so that stdout
stays free for what a command answers.
"""

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from shoal_base.settings import LogFormat, LogLevel, Settings


def configure_logs(settings: Settings, stream: TextIO | None = None) -> None:
    """Send every event of this process to `stream` (stderr), as `settings` say."""
    target = sys.stderr if stream is None else stream
    structlog.configure(
        processors=_processors(_wants_console(settings.log_format, target)),
        wrapper_class=structlog.make_filtering_bound_logger(_number(settings.log_level)),
        logger_factory=structlog.PrintLoggerFactory(target),
        cache_logger_on_first_use=False,
    )


def get_log(**facts: object) -> FilteringBoundLogger:
    """A log whose every event carries `facts`, such as the run or the peer it is about."""
    log: FilteringBoundLogger = structlog.get_logger(**facts)
    return log


def _wants_console(wanted: LogFormat, stream: TextIO) -> bool:
    return stream.isatty() if wanted is LogFormat.AUTO else wanted is LogFormat.CONSOLE


def _number(level: LogLevel) -> int:
    return logging.getLevelNamesMapping()[level.value.upper()]


def _processors(console: bool) -> list[Processor]:
    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if console:
        return [*common, structlog.dev.ConsoleRenderer()]
    return [*common, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
