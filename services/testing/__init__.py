"""Workflows under test: mocked cases on a virtual clock, their coverage, and a server for pytest."""
