"""Fixtures of the command line's tests."""

from tests.fixtures.server import server

__all__ = ["server"]
