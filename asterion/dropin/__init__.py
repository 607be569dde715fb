"""Asterion in Starlette's place, for code that was written against Starlette and stays as it is.

`install()`, `python -m asterion.dropin FILE.py` and `python -m asterion.dropin -m MODULE`. From then on `import
starlette` and every module below it are Asterion's, whether Starlette is installed or not. A module of Asterion is
aliased, never copied: `starlette.responses is asterion.responses`, so a class has one identity under both names.
Modules that Starlette keeps private and that other packages import all the same live in this package.
"""

from asterion.dropin._finder import STARLETTE_VERSION, install

__all__ = ["STARLETTE_VERSION", "install"]
