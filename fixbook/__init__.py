"""Fixbook: a catalogue of known failures of ASGI applications in which every fix has been executed.

It is built on the public names of `asterion` alone. `fixbook.model` holds the words that everything else speaks;
`fixbook.cli` is the command, `fixbook.web` the site.
"""

__version__ = "0.1.0"
