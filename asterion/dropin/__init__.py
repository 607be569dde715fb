"""Asterion in Starlette's place, for code that was written against Starlette and stays as it is.

`ASTERION_DROPIN=1` in the environment, `python -m asterion.dropin FILE.py`, `python -m asterion.dropin -m MODULE`,
`install()` in a program, or `turn_on()` for its child processes too. From then on `import starlette` and every module
below it are Asterion's, whether Starlette is installed or not. A module of Asterion is aliased, never copied:
`starlette.responses is asterion.responses`, so a class has one identity under both names. Modules that Starlette keeps
private and that other packages import all the same live in this package.
"""

from asterion.dropin._environment import turn_on
from asterion.dropin._finder import STARLETTE_VERSION, install

__all__ = ["STARLETTE_VERSION", "install", "turn_on"]
