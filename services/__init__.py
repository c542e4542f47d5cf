"""Who does it: everything that touches the world."""
