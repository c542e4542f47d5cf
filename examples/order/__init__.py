"""An order workflow with Python functions, and the demo that runs it through a crash of the server."""
