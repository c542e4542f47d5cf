"""Workflows to try."""
