"""The documentation; `python -m docs.generate` writes the pages below `reference/`."""
