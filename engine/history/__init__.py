"""History events: their types, their packed form, and the shape in which the API shows them."""
