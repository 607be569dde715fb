"""`python -m fixbook`: the command `fixbook`."""

from fixbook.cli import main

if __name__ == "__main__":
    main()
