"""What this room turns away, always with the place in the file."""

from shoal_base.errors import InputRefused


class FileRefused(InputRefused):
    """A file that somebody wrote breaks a rule; the sentence begins with its name and the line."""

    def __init__(self, source: str, line: int, sentence: str) -> None:
        super().__init__(f"{source}:{line}: {sentence}")
        self.source, self.line = source, line

    def facts(self) -> dict[str, object]:
        """The place, beside the sentence."""
        return {**super().facts(), "file": self.source, "line": self.line}
