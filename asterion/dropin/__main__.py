"""`python -m asterion.dropin FILE.py [ARGS]` and `python -m asterion.dropin -m MODULE [ARGS]`.

Installs Asterion in Starlette's place and then runs the program as Python itself would: same `sys.argv`, same first
entry of `sys.path`, same `__name__`. Processes that the program starts by multiprocessing (a server's workers, a
reloader) get Asterion in Starlette's place too.
"""

import multiprocessing.spawn
import os
import runpy
import sys
from collections.abc import Sequence

from asterion.dropin import install

USAGE = """\
usage: python -m asterion.dropin FILE.py [ARGUMENTS]
       python -m asterion.dropin -m MODULE [ARGUMENTS]

Runs a program with Asterion in Starlette's place.
"""


def _install_in_children() -> None:
    """Have interpreters that multiprocessing spawns install Asterion before they load anything of the program."""
    original = multiprocessing.spawn.get_command_line

    def command_line(**kwargs: object) -> list[str]:
        line = original(**kwargs)
        code = line.index("-c") + 1 if "-c" in line else 0
        if code:  # a frozen program has no -c; it has no other Starlette either
            line[code] = f"import asterion.dropin; asterion.dropin.install(); {line[code]}"
        return line

    multiprocessing.spawn.get_command_line = command_line


def _run_file(path: str, arguments: Sequence[str]) -> None:
    sys.argv = [path, *arguments]
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.realpath(path))
    runpy.run_path(path, run_name="__main__")


def _run_module(name: str, arguments: Sequence[str]) -> None:
    sys.argv = [name, *arguments]  # runpy writes the file's path into the first place
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def main(arguments: Sequence[str]) -> int:
    """Run what the command line names. Returns the exit status of a usage answer; the program's own is its own."""
    match arguments:
        case ["-h" | "--help", *_]:
            sys.stdout.write(USAGE)
            return 0
        case ["-m", name, *rest]:
            install()
            _install_in_children()
            _run_module(name, rest)
        case [path, *rest] if not path.startswith("-"):
            if not os.path.exists(path):
                sys.stderr.write(f"asterion.dropin: no such file: {path!r}; write -m before the name of a module\n")
                return 2
            install()
            _install_in_children()
            _run_file(path, rest)
        case _:
            sys.stderr.write(USAGE)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
