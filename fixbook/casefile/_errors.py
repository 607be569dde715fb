"""What is wrong with a case file, and where."""

__all__ = ["CaseFileError"]


class CaseFileError(ValueError):
    """A case file that cannot be taken. The text starts with `file:line:`; the parts are attributes."""

    def __init__(self, message: str, line: int = 0, name: str = "case.md") -> None:
        self.message = message
        self.line = line  # 1 is the first; 0: the file as a whole
        self.name = name
        super().__init__(message, line, name)

    def __str__(self) -> str:
        return f"{self.name}:{self.line}: {self.message}" if self.line else f"{self.name}: {self.message}"

    def within(self, name: str) -> "CaseFileError":
        """The same error, of the file called `name`."""
        return CaseFileError(self.message, self.line, name)
