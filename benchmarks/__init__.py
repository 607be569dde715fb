"""CPU time for each request, side by side with the peers: `make bench`, or `python -m benchmarks`.

One file for each area. What is measured is the framework and nothing else: requests are made in process, by the same
stand-in for a server (`server`), on one uvloop event loop, in rounds that take the frameworks in turn (`measure`).
"""
