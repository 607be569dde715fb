"""Fuzzers of the parsers: `make fuzz` runs them for a while, `make test` replays the kept inputs without atheris.

A target is a function of bytes that raises if a law of its parser is broken; see `fuzz.targets`. What the fuzzers have
found, and what is worth trying first, stands in `fuzz/corpus/NAME/`: small files, made for this purpose.
"""
