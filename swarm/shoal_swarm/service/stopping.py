"""How a process is asked to end: SIGTERM from a supervisor, SIGINT from a person."""

import asyncio
import signal


def stop_on_signals() -> asyncio.Event:
    """Set when somebody asks this process to end."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped
