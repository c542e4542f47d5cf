"""Paths, intrinsic functions, templates and JSONata, compiled to closures."""
