"""One run of a reproduction: its environment, its process, its verdict."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from fixbook.execution._environments import Environment, EnvironmentFailure, Request, default_cache, prepare
from fixbook.execution._judge import judge
from fixbook.execution._limits import Event, Limits, OnEvent
from fixbook.execution._processes import Stream, run_limited
from fixbook.model import Case, Outcome, Reproduction, Role, Run, Target, plain

__all__ = ["digest_of", "execute", "plan"]

SCRIPT = "repro.py"


def plan(case: Case, roles: Iterable[Role] | None = None) -> tuple[Target, ...]:
    """The targets of `case` to run, in the order of `Role`; those of `roles` alone where that is given."""
    wanted = set(roles) if roles is not None else set(Role)
    targets = case.reproduction.targets if case.reproduction else ()
    return tuple(
        sorted((target for target in targets if target.role in wanted), key=lambda one: list(Role).index(one.role))
    )


def digest_of(reproduction: Reproduction, target: Target) -> str:
    """The SHA-256 of all that decides what a run means: script, files, requirements, expectations."""
    said = {
        "code": reproduction.code,
        "files": plain(reproduction.files),
        "package": reproduction.package,
        "requires": list(reproduction.requires),
        "target": plain(target),
        "broken": plain(reproduction.broken),
        "right": plain(reproduction.right),
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


async def execute(
    case: Case,
    target: Target,
    *,
    limits: Limits | None = None,
    cache: Path | None = None,
    on_event: OnEvent | None = None,
) -> Run:
    """Run the reproduction of `case` on one target, and say what it showed.

    Environments are kept in `cache`. `on_event` is told of states and of output as it arrives. Never raises for what
    the reproduction or the package index does: that is the outcome of the run, with its reason. Cancelled, it leaves no
    process and no directory behind.
    """
    begun = time.monotonic()

    def say(text: str, kind: str = "state", stream: Stream | None = None) -> None:
        if on_event is not None:
            on_event(Event("output" if kind == "output" else "state", text, stream, time.monotonic() - begun))

    reproduction = case.reproduction
    run = Run(
        case=case.id,
        role=target.role,
        outcome=Outcome.NOT_VERIFIED,
        expected=target.expect,
        started=datetime.now(UTC),
        machine=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
    )
    if reproduction is None:
        return replace(run, reason="the case has no reproduction")
    limits = limits or Limits()
    request = _request(reproduction, target)
    run = replace(
        run, package=reproduction.package, requires=request.requirements, digest=digest_of(reproduction, target)
    )
    if refused := _refused_python(reproduction.python):
        return replace(run, reason=refused)
    try:
        environment = await prepare(request, cache or default_cache(), limits, say)
    except EnvironmentFailure as error:
        say(str(error))
        return replace(run, reason=str(error))
    version = environment.packages.get("asterion" if target.role is Role.ASTERION else reproduction.package or "")
    run = replace(run, version=version, packages=environment.packages)
    say(f"running on {reproduction.package or 'Python'} {version or platform.python_version()}")
    with tempfile.TemporaryDirectory(prefix="fixbook-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        try:
            _lay_out(reproduction, folder)
        except (OSError, ValueError) as error:
            return replace(run, reason=f"its files cannot be laid out: {error}")
        finished = await run_limited(
            [str(environment.python), "-X", "faulthandler", SCRIPT],
            folder / "work",
            _surroundings(environment, folder, target.role),
            limits,
            min(limits.seconds, reproduction.timeout),
            lambda text, stream: say(text, "output", stream),
        )
        shutil.rmtree(folder, ignore_errors=True)
    run = replace(
        run,
        exit_code=finished.exit_code,
        signal=finished.signal,
        output=finished.output,
        truncated=finished.truncated,
        duration=finished.seconds,
    )
    if finished.reason is not None:
        run = replace(run, outcome=Outcome.STOPPED, reason=finished.reason)
    else:
        outcome, reason = judge(reproduction, finished.exit_code, finished.signal, finished.output)
        run = replace(run, outcome=outcome, reason=reason)
    say(f"{run.outcome.value}: {run.reason}")
    return run


def _request(reproduction: Reproduction, target: Target) -> Request:
    requirements = (*reproduction.requires, *target.requires)
    if target.role is Role.ASTERION:
        return Request(requirements, with_asterion=True, newest=True)
    if reproduction.package is not None:
        exact = f"{reproduction.package}=={target.version}" if target.version else reproduction.package
        requirements = (exact, *requirements)
    return Request(requirements, newest=target.version is None)


def _refused_python(specifier: str | None) -> str | None:
    """Why this interpreter will not do, if it will not."""
    if specifier is None:
        return None
    try:
        wanted = SpecifierSet(specifier)
    except InvalidSpecifier:
        return f"the case asks for Python {specifier!r}, which is no version specifier (PEP 440)"
    if wanted.contains(platform.python_version(), prereleases=True):
        return None
    return f"the case asks for Python {specifier}, and this is {platform.python_version()} ({sys.executable})"


def _lay_out(reproduction: Reproduction, folder: Path) -> None:
    work = folder / "work"
    for path, text in {**reproduction.files, SCRIPT: reproduction.code}.items():
        target = (work / path).resolve()
        if not target.is_relative_to(work.resolve()):
            raise ValueError(f"a reproduction's file {path!r} stands outside of its folder; use a relative path")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    (folder / "home").mkdir()
    (folder / "temporary").mkdir()


def _surroundings(environment: Environment, folder: Path, role: Role) -> dict[str, str]:
    """The environment variables of a run: these, and nothing that the running process has."""
    surroundings = {
        "PATH": f"{environment.folder / 'bin'}:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "temporary"),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONHASHSEED": "0",
    }
    if role is Role.ASTERION:
        surroundings["ASTERION_DROPIN"] = "1"
    return surroundings
