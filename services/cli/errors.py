"""What can keep a command from doing its work. `main` turns each into one line and exit code 2."""

from __future__ import annotations


class CommandError(Exception):
    """The command cannot do what was asked; the text says why."""


class Unreachable(CommandError):
    """No server answers at the endpoint."""


class ServerError(CommandError):
    """The server refused: AWS's error code and text."""

    def __init__(self, code: str, message: str) -> None:
        """Keep both; the text reads `Code: message`."""
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code
        self.message = message
