"""The AWS wire protocol."""
