"""The engine decides what should happen: pure Python, no clock, network, disk or randomness."""
