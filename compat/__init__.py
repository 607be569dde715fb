"""What stands on Starlette, run on Asterion: other projects' own tests, on both, in one environment, test by test.

`make compat` runs every project below `compat/projects`; `make compat ONLY=name` runs one. Nothing of theirs is kept in
the repository: their sources and environments live in the ignored folder `.compat`.
"""
