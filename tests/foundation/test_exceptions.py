"""Exceptions are plain data: shown, copied and pickled, subclasses included."""

import copy
import pickle

import pytest

from asterion.exceptions import (
    AsterionDeprecationWarning,
    HTTPException,
    StarletteDeprecationWarning,
    WebSocketException,
)


class Gone(HTTPException):
    """A subclass with a constructor of its own."""

    def __init__(self, *, what: str) -> None:
        super().__init__(410, f"{what} is gone", {"x-what": what})
        self.what = what


def duplicates(exc):
    return [copy.copy(exc), copy.deepcopy(exc), pickle.loads(pickle.dumps(exc))]


def test_the_detail_defaults_to_the_phrase_of_the_status():
    exc = HTTPException(404)
    assert (exc.status_code, exc.detail, exc.headers) == (404, "Not Found", None)
    assert str(exc) == "404: Not Found"
    assert repr(exc) == "HTTPException(status_code=404, detail='Not Found')"


@pytest.mark.parametrize("status_code", [599, 299, 0])
def test_a_status_without_a_phrase_has_an_empty_detail(status_code):
    assert HTTPException(status_code).detail == ""


def test_an_empty_detail_is_kept():
    assert HTTPException(404, "").detail == ""


@pytest.mark.parametrize(
    "exc",
    [
        HTTPException(404, "gone", {"a": "b"}),
        HTTPException(404, detail="gone", headers={"a": "b"}),
        HTTPException(status_code=404, detail="gone", headers={"a": "b"}),
    ],
)
def test_args_are_the_same_however_it_was_called(exc):
    assert exc.args == (404, "gone")
    assert exc.headers == {"a": "b"}


def test_the_headers_are_kept_as_given():
    headers = {"WWW-Authenticate": "Basic"}
    assert HTTPException(401, headers=headers).headers is headers


def test_http_exceptions_can_be_duplicated():
    for twin in duplicates(HTTPException(404, headers={"a": "b"})):
        assert (type(twin), twin.status_code, twin.detail, twin.headers) == (
            HTTPException,
            404,
            "Not Found",
            {"a": "b"},
        )
        assert twin.args == (404, "Not Found")


def test_a_subclass_with_a_constructor_of_its_own_can_be_duplicated():
    for twin in duplicates(Gone(what="it")):
        assert (type(twin), twin.what, str(twin)) == (Gone, "it", "410: it is gone")
        assert repr(twin) == "Gone(status_code=410, detail='it is gone')"


def test_websocket_exceptions_carry_code_and_reason():
    exc = WebSocketException(code=1008, reason="no")
    assert (exc.code, exc.reason, exc.args, str(exc)) == (1008, "no", (1008, "no"), "1008: no")
    assert repr(exc) == "WebSocketException(code=1008, reason='no')"
    assert WebSocketException(1000).reason == ""
    for twin in duplicates(exc):
        assert (twin.code, twin.reason, twin.args) == (1008, "no", (1008, "no"))


def test_deprecations_are_seen_without_asking_for_them():
    """Python hides DeprecationWarning by default, so these must not be one."""
    assert issubclass(StarletteDeprecationWarning, AsterionDeprecationWarning)
    assert issubclass(AsterionDeprecationWarning, UserWarning)
    assert not issubclass(AsterionDeprecationWarning, DeprecationWarning)
