"""`python -m compat [NAMES]`: run projects' tests on Starlette and on Asterion, compare, and write docs/compat.md.

Exit status: 0 when nothing differs without a reason, 1 when something does (or, with --check, when the page is not what
the results make), 2 when a project could not be run.
"""

import argparse
import datetime
import sys
from collections.abc import Sequence
from pathlib import Path

from asterion import __version__
from compat import compare, places, results
from compat.junit import Outcome
from compat.page import table, with_table
from compat.project import CompatError, Project, read_all
from compat.sides import run_side

ENTRIES = places.ROOT / "compat" / "projects"
RESULTS = places.ROOT / "compat" / "results"
PAGE = places.ROOT / "docs" / "compat.md"


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _compare(project: Project) -> results.Result:
    folder = places.source(project)
    _say(f"{project.key}: running on Starlette")
    starlette = run_side("starlette", project, folder)
    _say(f"{project.key}: running on Asterion")
    asterion = run_side("asterion", project, folder)
    compare.check_engines(starlette, asterion)

    def again(tests: list[str]) -> tuple[dict[str, Outcome], dict[str, Outcome]]:
        _say(f"{project.key}: {len(tests)} tests differ; running these alone")
        present = [[test for test in tests if test in side.outcomes] for side in (starlette, asterion)]
        one = run_side("starlette", project, folder, present[0]).outcomes if present[0] else {}
        other = run_side("asterion", project, folder, present[1]).outcomes if present[1] else {}
        return one, other

    found, flaky = compare.lasting(compare.differences(starlette.outcomes, asterion.outcomes), again)
    return results.Result(
        project=project.name,
        version=project.version,
        kind=project.kind,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        starlette_version=places.STARLETTE,
        asterion_version=__version__,
        starlette=results.counts(starlette),
        asterion=results.counts(asterion),
        differs=results.as_dicts(found),
        flaky=flaky,
    )


def _run(project: Project, wheel: Path) -> int:
    try:
        _say(f"{project.key}: installing")
        places.install(project, wheel)
        result = _compare(project)
    except CompatError as error:
        _say(f"{project.key}: {error}")
        return 2
    results.write(RESULTS, project.key, result)
    _say(f"{project.key}: Starlette {result.starlette}, Asterion {result.asterion}, {len(result.flaky)} flaky")
    for test in results.outdated(result, project):
        _say(f"{project.key}: has a reason, but does not differ: {test}")
    missing = results.unexplained(result, project)
    for test in missing:
        _say(f"{project.key}: differs without a reason: {test}")
    return int(bool(missing))


def run_projects(projects: Sequence[Project]) -> int:
    """Run, compare and write down. Returns the exit status."""
    places.HOME.mkdir(exist_ok=True)
    with places.wheel() as wheel:
        return max((_run(project, wheel) for project in projects), default=0)


def write_page(*, check: bool) -> int:
    """Fill docs/compat.md from all results; with `check`, only say whether it is so already."""
    entries = {entry.key: entry for entry in read_all(ENTRIES, [])}
    made = table(
        [
            (entries[path.stem], results.read(path))
            for path in sorted(RESULTS.glob("*.json"), key=lambda path: path.stem)
            if path.stem in entries
        ]
    )
    present = PAGE.read_text("utf-8")
    page = with_table(present, made)
    if check:
        if page != present:
            _say(f"{PAGE.relative_to(places.ROOT)} is not what the results make; run `make compat`")
        return int(page != present)
    PAGE.write_text(page, "utf-8")
    return 0


def main(arguments: Sequence[str]) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m compat", description=__doc__)
    parser.add_argument("names", nargs="*", help="projects to run; all of them without a name")
    parser.add_argument("--check", action="store_true", help="run nothing; compare docs/compat.md with the results")
    asked = parser.parse_args(arguments)
    try:
        status = 0 if asked.check else run_projects(read_all(ENTRIES, asked.names))
        return max(status, write_page(check=asked.check))
    except CompatError as error:
        _say(str(error))
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
