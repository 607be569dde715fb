"""A tour of Asterion in one small application: `make demo`, or `python -m examples.tour`."""
