"""One module for each state type, and what they share."""
