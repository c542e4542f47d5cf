"""Postgres: one module for each table, and no SQL anywhere else."""
