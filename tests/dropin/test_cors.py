"""What existing applications say of other origins goes on to work on the drop-in."""

import textwrap
from pathlib import Path

from tests.dropin.interpreter import python

PROGRAM = """
    from starlette.middleware.cors import CORSMiddleware
    from starlette.responses import PlainTextResponse
    from starlette.testclient import TestClient

    app = CORSMiddleware(PlainTextResponse("ok"), allow_origins=["*"], allow_credentials=True)
    answer = TestClient(app).get("/", headers={"origin": "https://app.example", "cookie": "a=1"})
    print(answer.headers["access-control-allow-origin"], answer.headers["access-control-allow-credentials"])
"""


def test_a_star_with_credentials_is_accepted_as_on_starlette_and_warned_of(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM))
    finished = python("-m", "asterion.dropin", str(program), cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == "https://app.example true\n"
    assert "CORS: allow_origins=['*'] with allow_credentials=True lets every site act as its visitor" in finished.stderr
