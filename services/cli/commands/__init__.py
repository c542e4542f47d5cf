"""The commands, one file for each group. Imports at module level stay light, so that `--help` answers at once."""
