"""Who is logged in stays so when the engine is changed, and when it is changed back."""

import textwrap
from pathlib import Path

import pytest

from tests.dropin.interpreter import python

PROGRAM = """
    import sys
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.sessions import SessionMiddleware
    from starlette.responses import JSONResponse
    from starlette.routing import Route
    from starlette.testclient import TestClient

    async def enter(request):
        request.session["user"] = 7
        return JSONResponse({})

    async def me(request):
        return JSONResponse(dict(request.session))

    app = Starlette(
        routes=[Route("/enter", enter), Route("/me", me)],
        middleware=[Middleware(SessionMiddleware, secret_key="a-key-of-some-length")],
    )
    if len(sys.argv) > 1:
        print(TestClient(app, cookies={"session": sys.argv[1]}).get("/me").json())
    else:
        client = TestClient(app)
        client.get("/enter")
        print(client.cookies["session"])
"""


def run(tmp_path: Path, *arguments: str, dropin: bool) -> str:
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM))
    finished = python(
        *(["-m", "asterion.dropin"] if dropin else ["-W", "ignore"]), str(program), *arguments, cwd=tmp_path
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


@pytest.mark.parametrize("there", [True, False], ids=["to the drop-in", "back from it"])
def test_a_session_outlives_a_change_of_engines(tmp_path: Path, there: bool) -> None:
    cookie = run(tmp_path, dropin=not there)

    assert run(tmp_path, cookie, dropin=there) == "{'user': 7}"
