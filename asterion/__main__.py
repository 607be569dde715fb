"""`python -m asterion`: the command line."""

from asterion.cli import main

if __name__ == "__main__":
    main()
