"""A tour of Asterion in one small application: `make tour`, or `python -m examples.tour`."""
