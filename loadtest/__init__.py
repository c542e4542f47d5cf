"""Measuring Stepwell under load. Nothing of the product imports this."""
