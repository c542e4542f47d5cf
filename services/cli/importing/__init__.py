"""Copying state machines from AWS to a server."""
