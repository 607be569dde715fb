"""`asterion migrate`, the names: what becomes of a file, and what is left to a human."""

import ast
import importlib
import pkgutil
import sys

import pytest
import starlette
from hypothesis import given, settings
from hypothesis import strategies as st

from asterion.cli._codemod._names import MODULES
from asterion.cli._codemod._plan import plan_file


def migrated(source: str, face: str = "starlette") -> str:
    return plan_file(source.encode(), face).result.decode()


def noted(source: str, face: str = "starlette") -> list[tuple[int, str]]:
    return [(note.line, note.says) for note in plan_file(source.encode(), face).notes]


def test_every_public_module_of_starlette_has_its_namesake():
    theirs = {
        found.name.removeprefix("starlette.") for found in pkgutil.walk_packages(starlette.__path__, "starlette.")
    }

    assert {name for name in theirs if not name.startswith("_")} == MODULES | {"middleware"}
    for name in MODULES:
        importlib.import_module(f"asterion.{name}")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import starlette", "import asterion"),
        ("import os, starlette.requests, sys", "import os, asterion.requests, sys"),
        ("import starlette.responses as r", "import asterion.responses as r"),
        ("from starlette import status", "from asterion import status"),
        ("from starlette.middleware import Middleware, cors", "from asterion.middleware import Middleware, cors"),
        (
            "from starlette.requests import Request as R, HTTPConnection",
            "from asterion.requests import Request as R, HTTPConnection",
        ),
        ("from starlette.responses import *", "from asterion.responses import *"),
        ("import starlette.responses as r\nx = r.JSONResponse", "import asterion.responses as r\nx = r.JSONResponse"),
        (
            "from starlette import responses\nx = responses.JSONResponse",
            "from asterion import responses\nx = responses.JSONResponse",
        ),
        (
            "import os, starlette.types\nx = starlette.types.Scope",
            "import os, asterion.types\nx = asterion.types.Scope",
        ),
        (
            "import asterion\nimport starlette.types\nx = starlette.types",
            "import asterion\nimport asterion.types\nx = asterion.types",
        ),
        ("import starlette\nx = y[0]", "import asterion\nx = y[0]"),
        ("if 1: from starlette.types import Scope; x = 1", "if 1: from asterion.types import Scope; x = 1"),
        ("def f():\n\tfrom starlette.types import Scope", "def f():\n\tfrom asterion.types import Scope"),
        (
            "from starlette.routing import (  # all\n    Route,  # one\n    # two\n    Mount,\n)  # end",
            "from asterion.routing import (  # all\n    Route,  # one\n    # two\n    Mount,\n)  # end",
        ),
        (
            "try:\n    import starlette\nexcept ImportError:\n    starlette = None\nprint(starlette is None)",
            "try:\n    import asterion\nexcept ImportError:\n    asterion = None\nprint(asterion is None)",
        ),
        (
            "import starlette.responses\nx = starlette.responses.JSONResponse(1)",
            "import asterion.responses\nx = asterion.responses.JSONResponse(1)",
        ),
        (
            'import starlette.requests\ndef f(r: "list[starlette.requests.Request]"): ...',
            'import asterion.requests\ndef f(r: "list[asterion.requests.Request]"): ...',
        ),
    ],
)
def test_an_import_is_renamed_and_nothing_else_is_touched(before: str, after: str):
    assert migrated(before) == after
    assert noted(before) == [] or "*" in before


@pytest.mark.parametrize(
    "text",
    [
        'mock.patch("{}.responses.JSONResponse.render")',
        'make_patcher().patch("{}.requests.Request")',
        '@patch("{}.requests.Request")\ndef f(): ...',
        'mock.patch.dict("sys.modules", {{"{}.requests": None}})',
        "importlib.import_module('{}.requests')",
        'pytest.importorskip("{}")',
        'monkeypatch.setattr("{}.concurrency.run_in_threadpool", f)',
        'monkeypatch.setitem(sys.modules, "{}.requests", None)',
        'sys.modules["{}.requests"]',
        'sys.modules.pop("{}.requests", None)',
        '"{}" in sys.modules',
        'cast("{}.requests.Request", x)',
    ],
)
def test_a_text_that_names_a_module_for_sure_is_renamed(text: str):
    assert migrated(text.format("starlette")) == text.format("asterion")


@pytest.mark.parametrize(
    "source",
    [
        "from .starlette import x",
        "import starlette_admin",
        "from starlette_context import context",
        "# starlette.requests",
        '"""Uses starlette."""',
        "def f(starlette): return starlette.requests",
        "f(starlette=1)",
        "x.starlette.requests",
        "import starlettes",
        "setattr(x, 'starlette', 1)",
    ],
)
def test_what_only_looks_like_it_is_left_alone(source: str):
    assert migrated(source) == source
    assert noted(source) == []


def test_names_that_a_module_only_imports_itself_are_taken_from_where_they_are_defined():
    before = "# top\nfrom starlette.routing import Route, Request, Enum, re as r  # end\n"

    assert migrated(before) == (
        "# top\n"
        "from asterion.routing import Route  # end\n"
        "from asterion.requests import Request\n"
        "from enum import Enum\n"
        "import re as r\n"
    )


def test_modules_that_a_module_only_imports_itself_are_imported_as_such():
    assert migrated("from starlette.routing import re, inspect as i\n") == "import re\nimport inspect as i\n"


def test_a_comment_goes_where_its_name_goes():
    before = "from starlette.routing import (\n    Request,  # asks\n    Route,  # answers\n)\n"

    assert migrated(before) == (
        "from asterion.routing import (\n    Route,  # answers\n)\n# asks\nfrom asterion.requests import Request\n"
    )


def test_private_names_stay_and_are_reported_with_their_line():
    before = "import os\nfrom starlette._utils import is_async_callable\n"

    assert migrated(before) == before
    [(line, says)] = noted(before)
    assert line == 2
    assert "private" in says
    assert "asterion.dropin._utils" in says


def test_everything_of_a_private_module_stays_and_is_reported():
    assert migrated("from starlette._utils import *\n") == "from starlette._utils import *\n"
    assert "asterion.dropin._utils" in noted("from starlette._utils import *\n")[0][1]


def test_a_helper_that_a_module_only_imports_itself_stays_and_is_reported():
    before = "from starlette.background import is_async_callable\n"

    assert migrated(before) == before
    assert "is a private helper that starlette.background happens to import" in noted(before)[0][1]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("NAME = 'starlette.requests'", "the text 'starlette.requests' looks like a module's name; left as it is"),
        (
            "version('starlette')",
            "asks for the installed distribution 'starlette'; Asterion is the distribution 'asterion'",
        ),
        ("from starlette import responses as r\nr.Nothing", "asterion.responses has no Nothing"),
    ],
)
def test_what_cannot_be_renamed_for_sure_is_reported(source: str, says: str):
    assert migrated(source) == source.replace("from starlette", "from asterion")
    assert [found for _, found in noted(source)] == [says]


def test_an_annotation_that_names_what_stays_is_left_alone():
    before = "import starlette\ndef f(r: 'starlette.Nothing | starlette.types.Scope'): ..."

    assert migrated(before) == "import asterion\ndef f(r: 'starlette.Nothing | asterion.types.Scope'): ..."


def test_what_cannot_be_told_for_want_of_a_package_is_renamed(monkeypatch: pytest.MonkeyPatch):
    """Whether a module has a name is asked of the module, which may need what is not installed here."""
    monkeypatch.setitem(sys.modules, "asterion.schemas", None)

    assert migrated("from starlette.schemas import Unheard") == "from asterion.schemas import Unheard"


def test_names_that_asterion_does_not_have_stay_with_starlette_and_are_reported():
    before = "from starlette.routing import Route, NoSuchThing\n"

    assert migrated(before) == "from asterion.routing import Route\nfrom starlette.routing import NoSuchThing\n"
    assert noted(before) == [(1, "NoSuchThing: asterion.routing has no NoSuchThing")]


def test_the_version_of_starlette_keeps_the_import_of_it():
    before = "import starlette\nprint(starlette.__version__)\n"

    assert migrated(before) == before
    assert "asterion.__version__ counts otherwise" in noted(before)[0][1]


def test_a_variable_of_that_name_in_an_inner_function_is_not_the_module():
    before = "import starlette\ndef f(starlette):\n    return starlette.x\ny = starlette.requests\n"

    assert migrated(before) == "import asterion\ndef f(starlette):\n    return starlette.x\ny = asterion.requests\n"


def test_another_module_under_that_name_is_not_the_module():
    before = "import os as starlette\ndef f():\n    import starlette.types\n    return starlette.types\nstarlette.path"

    assert migrated(before) == before.replace("starlette.types", "asterion.types")


def test_a_file_with_a_variable_asterion_keeps_the_module_starlette():
    before = "import starlette.requests\nasterion = 1\nx = starlette.requests\n"

    assert migrated(before) == before
    assert "has a variable asterion" in noted(before)[0][1]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import starlette\n__all__ = ['starlette']\n", "__all__ exports starlette"),
        ("def f():\n    global starlette\n    import starlette\n", "`global`"),
    ],
)
def test_a_module_that_others_may_take_from_this_file_keeps_its_name(source: str, says: str):
    assert migrated(source) == source
    assert says in noted(source)[0][1]


def test_a_dotted_use_of_the_class_is_told_on_the_face_asterion():
    source = "import starlette.applications\napp = starlette.applications.Starlette()\n"

    assert migrated(source, "asterion") == source.replace("starlette", "asterion")
    assert noted(source, "asterion") == [
        (2, "the class is renamed where it is imported by its name; write applications.Asterion here")
    ]


def test_the_class_stays_by_default_and_is_renamed_on_request():
    before = "from starlette.applications import Starlette\napp: Starlette = Starlette()\n"

    assert migrated(before) == before.replace("starlette.applications", "asterion.applications")
    assert migrated(before, "asterion") == "from asterion.applications import Asterion\napp: Asterion = Asterion()\n"
    assert migrated(migrated(before), "asterion") == migrated(before, "asterion")


def test_the_class_keeps_its_name_within_a_file_whose_texts_name_it():
    before = 'from starlette.applications import Starlette\n__all__ = ["Starlette"]\n'

    assert migrated(before, "asterion").startswith("from asterion.applications import Asterion as Starlette\n")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_and_encodings_are_kept(end: str):
    source = f"# -*- coding: latin-1 -*-{end}from starlette.routing import Route, Request{end}x = 'é'{end}"

    result = plan_file(source.encode("latin-1")).result.decode("latin-1")

    assert result == (
        f"# -*- coding: latin-1 -*-{end}from asterion.routing import Route{end}"
        f"from asterion.requests import Request{end}x = 'é'{end}"
    )


def test_a_byte_order_mark_is_kept():
    plan = plan_file(b"\xef\xbb\xbfimport starlette\n")

    assert plan.result == b"\xef\xbb\xbfimport asterion\n"


def test_lines_that_end_with_a_bare_carriage_return_are_not_taken_for_one_comment():
    plan = plan_file(b"# a\rimport starlette\r")

    assert plan.failure is not None
    assert "carriage return" in plan.failure.says


def test_what_is_no_python_is_told_with_its_line():
    plan = plan_file(b"import starlette\nx = = 1\n")

    assert plan.failure is not None
    assert plan.failure.line == 2
    assert not plan.changes


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (b"# coding: nothing\nimport starlette\n", "unknown encoding: nothing"),
        (b"import starlette\nx = '\xff'\n", "can't decode byte 0xff"),
        (b"import starlette\nx = " + b"-" * 1000 + b"1\n", "nested too deeply"),
    ],
)
def test_what_cannot_be_read_as_it_says_is_told(source: bytes, says: str):
    plan = plan_file(source)

    assert plan.failure is not None
    assert says in plan.failure.says
    assert not plan.changes


@pytest.mark.parametrize(
    ("source", "line", "word"),
    [
        (
            "async def d(r, call_next):\n    try:\n        return await call_next(r)\n    except ValueError: ...",
            3,
            "500",
        ),
        (
            "async def d(r, call_next):\n    try:\n        return await call_next(r)\n    except* ValueError: ...",
            3,
            "500",
        ),
        ("import fastapi\n\nr.set_cookie('a b', '1')", 3, "token"),
        ("import fastapi\n\nmake(r).set_cookie('a b', '1')", 3, "token"),
        ("app = SessionMiddleware(app, secret_key='x')", 1, "itsdangerous.Signer"),
        ("app.add_middleware(SessionMiddleware, secret_key='x')", 1, "itsdangerous.Signer"),
        ("Middleware(SessionMiddleware, secret_key='x')", 1, "itsdangerous.Signer"),
    ],
)
def test_code_that_meets_a_behaviour_of_choice_is_listed(source: str, line: int, word: str):
    found = noted(f"{source}\nfrom starlette.requests import Request")

    assert [number for number, _ in found] == [line]
    assert word in found[0][1]


@pytest.mark.parametrize(
    "source",
    [
        "async def d(r, call_next):\n    try:\n        return await call_next(r)\n    finally: ...",
        "async def d(r, call_next):\n    try: ...\n    except ValueError:\n        return await call_next(r)",
        "r.set_cookie('a', '1')",
        "r.set_cookie(key=name)",
        "Middleware(SessionMiddleware, secret_key='x', salt='y')",
    ],
)
def test_code_that_only_looks_like_it_is_not(source: str):
    assert noted(f"{source}\nfrom starlette.requests import Request") == []


_NAMES = st.sampled_from(
    [
        "Request",
        "Route",
        "Mount as M",
        "Scope",
        "re",
        "Nothing",
        "JSONResponse as J",
        "Starlette",
        "Enum as E",
        "Response",
    ]
)
_PLACES = st.sampled_from(
    ["starlette.routing", "starlette.responses", "starlette.applications", "starlette._utils", "starlette.nowhere"]
)
_COMMENTED = ",  # b\n  "
_LISTS = st.lists(_NAMES, min_size=1, max_size=5, unique=True)
_STATEMENTS = st.one_of(
    st.builds(lambda place, names: f"from {place} import {', '.join(names)}", _PLACES, _LISTS),
    st.builds(lambda place, names: f"from {place} import ({', '.join(names)},)  # c", _PLACES, _LISTS),
    st.builds(lambda place, names: f"from {place} import (  # a\n  {_COMMENTED.join(names)}\n)", _PLACES, _LISTS),
    st.builds(lambda place: f"import {place}", _PLACES),
    st.builds(lambda place: f"import os, {place} as p; y = p.Request", _PLACES),
    st.builds(lambda place: f"x = {place}.Request(starlette=1)", _PLACES),
    st.builds(lambda place: f"mock.patch('{place}.Response')", _PLACES),
    st.sampled_from(["import starlette", "starlette = None", "asterion = 1", "app: 'Starlette' = Starlette()", "pass"]),
)
_BLOCKS = st.sampled_from(["{}", "if 1:\n    {}", "def f(starlette=1):\n\t{}", "try: {}\nexcept ImportError: ..."])


def _placed(block: str, statement: str) -> str:
    joined = block.format(statement)
    try:
        ast.parse(joined)
    except SyntaxError:
        return statement
    return joined


@settings(max_examples=150, deadline=None)
@given(st.lists(st.builds(_placed, _BLOCKS, _STATEMENTS), max_size=6), st.sampled_from(["starlette", "asterion"]))
def test_a_migrated_file_still_parses_and_migrating_twice_changes_nothing(statements: list[str], face: str):
    source = "\n".join(statements)
    once = migrated(source, face)

    ast.parse(once)
    assert migrated(once, face) == once
