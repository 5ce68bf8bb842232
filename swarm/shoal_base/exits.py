"""The numbers a command ends with, and what each means to the person or script that reads it."""

from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """How a command ended."""

    help: str

    def __new__(cls, number: int, help_text: str) -> Self:
        """Bind the number to its help text, so that neither is documented without the other."""
        code = int.__new__(cls, number)
        code._value_ = number
        code.help = help_text
        return code

    DONE = 0, "Done."
    DEFECT = 1, "A defect of ours: the log says where. Nothing you typed should end like this; please report it."
    USAGE = 2, "The command line is not understood. `--help` lists the options."
    INPUT = 3, "A value or file that you gave is refused. Nothing was changed; the message names value and rule."
    PLACE = (
        4,
        "A file, folder or permission on this machine stands in the way. The message says how to mend it.",
    )
    IDENTITY = 5, "A certificate, request or signature proves nothing here. `shoal certs verify DIR` explains."
    PEER = 6, "Another party sent or did something that is refused. The message names it."
    UNAVAILABLE = 7, "Something that is needed is not there now. Trying again later may help."
    MISSING_PART = 8, "This command needs a part that is not installed. The message names the extra."
    PROBLEMS = 9, "The check ran to its end and found problems; each has a sentence."
    INTERRUPTED = 130, "Interrupted (Ctrl-C). What was finished is kept; the same command goes on from there."


def exit_codes_table() -> str:
    """All numbers with their meaning, one a line, for `shoal --exit-codes` and the docs."""
    return "\n".join(f"{code.value:>4}  {code.name.lower().replace('_', '-'):<13} {code.help}" for code in ExitCode)
