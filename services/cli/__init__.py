"""The `stepwell` command: the server with all its roles, and a client for whoever sits at a terminal."""
