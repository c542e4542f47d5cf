"""Functions in the place of AWS Lambda: Python in a subprocess, an HTTP server, or the Lambda API elsewhere."""
