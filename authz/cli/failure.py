"""What a command says when it can't do what was asked: one line, and a status."""


class Failure(Exception):  # noqa: N818 - a message to a person, not a fault of the program
    """Ends the command with one line on standard error."""

    def __init__(self, message: str, *, code: int = 2) -> None:
        super().__init__(message)
        self.code = code
        """Exit status: 2 is wrong usage or bad input."""
