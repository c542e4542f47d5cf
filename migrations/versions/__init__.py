"""One file per step; its name begins with its revision number."""
