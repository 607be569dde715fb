"""Write down the interface of the installed Starlette: `python -m scripts.make_interface > scripts/interface.txt`."""

import importlib.metadata

from scripts.interface import facts_of


def main() -> None:
    """Print the facts, one line each."""
    print(
        f"# The public interface of starlette {importlib.metadata.version('starlette')}: names, parameters, constants."
    )
    print("# Written by `python -m scripts.make_interface`; read by `make parity`.")
    for fact in facts_of("starlette"):
        print(fact)


if __name__ == "__main__":
    main()
