"""A failure has the same signature wherever and however it was written down."""

from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixbook.finding import Frame, normalise, signature

PLAIN = """Traceback (most recent call last):
  File "/srv/app/main.py", line 10, in handler
    return await call_next(request)
  File "/srv/venv/lib/python3.11/site-packages/starlette/middleware/base.py", line 45, in call_next
    raise RuntimeError("No response returned.")
RuntimeError: No response returned.
"""
FRAMES = (Frame("srv.app.main", "handler"), Frame("starlette.middleware.base", "call_next"))


def test_a_traceback() -> None:
    found = signature(PLAIN)
    assert (found.exception, found.message, found.frames) == ("RuntimeError", "no response returned.", FRAMES)


@pytest.mark.parametrize(
    "text",
    [
        " ".join(PLAIN.split()),
        PLAIN.replace("\n", "\r\n"),
        "\n".join(line.strip() for line in PLAIN.split("\n")),
        "".join(f"2026-01-02 03:04:05,678 ERROR [worker-1] {line}\n" for line in PLAIN.splitlines()),
        "".join(f"web-1  | {line}\n" for line in PLAIN.splitlines()),
        "".join(f"E   {line}\n" for line in PLAIN.splitlines()),
        '{"level": "error", "exc_info": ' + repr(PLAIN) + "}",
        "\x1b[31m" + PLAIN.replace("RuntimeError:", "\x1b[1mRuntimeError\x1b[0m:"),
        PLAIN.replace('raise RuntimeError("No response returned.")', "raise error\n    ^^^^^^^^^^^"),
        PLAIN.replace('"', '\\"'),
    ],
    ids=["flattened", "crlf", "unindented", "logged", "container", "pytest", "json", "coloured", "carets", "escaped"],
)
def test_the_same_traceback_in_other_clothes(text: str) -> None:
    found = signature(text)
    assert found.frames == FRAMES
    assert found.exception == "RuntimeError"
    assert (found.message or "").startswith("no response returned.")


def test_windows_paths_are_the_same_modules() -> None:
    text = PLAIN.replace(
        "/srv/venv/lib/python3.11/site-packages/starlette/middleware/base.py",
        r"C:\v\Lib\site-packages\starlette\middleware\base.py",
    )
    assert signature(text).frames == FRAMES


def test_checkouts_and_the_standard_library_are_the_same_modules_everywhere() -> None:
    text = 'File "/home/a/starlette/starlette/routing.py", line 1, in app\n'
    text += 'File "/usr/lib/python3.9/asyncio/tasks.py", line 2, in sleep\n'
    text += 'File "/x/pkg/__init__.py", line 3, in f\n'
    assert [str(frame) for frame in signature(text).frames] == [
        "starlette.routing:app",
        "asyncio.tasks:sleep",
        "x.pkg:f",
    ]


def test_a_chain_tells_every_exception_and_the_last_one_counts() -> None:
    text = (
        'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    raise WouldBlock\nanyio.WouldBlock\n\n'
        "During handling of the above exception, another exception occurred:\n\n" + PLAIN
    )
    found = signature(text)
    assert (found.exception, found.exceptions) == ("RuntimeError", ("anyio.WouldBlock", "RuntimeError"))
    flat = signature(" ".join(text.split()))
    assert (flat.exception, flat.exceptions) == (found.exception, found.exceptions)


def test_an_exception_group_ends_in_what_was_in_it() -> None:
    text = """  + Exception Group Traceback (most recent call last):
  |   File "/a/main.py", line 5, in <module>
  |     asyncio.run(main())
  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/a/main.py", line 9, in work
    |     raise ValueError("oops")
    | ValueError: oops
    +------------------------------------
"""
    found = signature(text)
    assert (found.exception, found.message) == ("ValueError", "oops")
    assert found.exceptions == ("ExceptionGroup", "ValueError")


def test_pytest_s_short_traceback() -> None:
    text = "tests/test_a.py:29: in test_a\n    r = get()\n"
    text += "starlette/middleware/base.py:47: in call_next\n    assert x\nE   AssertionError\n"
    found = signature(text)
    assert found.exception == "AssertionError"
    assert [str(frame) for frame in found.frames] == ["tests.test_a:test_a", "starlette.middleware.base:call_next"]


def test_a_traceback_that_was_cut_off_tells_what_was_about_to_be_raised() -> None:
    found = signature(PLAIN.rpartition("RuntimeError: ")[0])
    assert (found.exception, found.message) == ("RuntimeError", "no response returned.")


def test_a_mere_message_is_a_message() -> None:
    assert signature("\nERROR: Exception in ASGI application\n").message == "exception in asgi application"
    assert signature("").message is None


def test_what_changes_from_run_to_run_is_taken_out_of_a_message() -> None:
    one = normalise("<Foo object at 0x7f3a00> at 2026-01-01T10:00:00Z in /srv/a/b.py: 17 of 20")
    other = normalise("<Foo object at 0x7ffff0>  at 2025-12-31T23:59:59.5+01:00 in /home/x/c.py: 3 of 200")
    assert one == other == "<foo object at <address>> at <time> in <path>: <n> of <n>"


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(st.sampled_from([*PLAIN.split("\n"), " ".join(PLAIN.split()), '"', "\\n", ".py:1: in x"]), st.text())
    )
)
def test_no_text_makes_it_fail(pieces: list[str]) -> None:
    signature("\n".join(pieces))
    signature(" ".join(pieces))


@pytest.mark.parametrize(
    "unit", ['File "', "a.py:1: in b", "A.Error ", "/a", "(", "E ", "0x", "Error: ", "\\n", "a|", "[", "1"]
)
def test_hostile_repetition_is_read_in_linear_time(unit: str) -> None:
    start = process_time()
    signature(unit * (1024 * 1024 // len(unit)))
    assert process_time() - start < 3
