"""A definition as a picture: `flow.py` reads it, `mermaid.py`, `layout.py` and `svg.py` draw it. Pure, no server."""
