"""What a Task state can call, one module for each service."""
