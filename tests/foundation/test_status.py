"""Names for the numbers of HTTP and WebSocket."""

import http
import warnings

import pytest

from asterion import status
from asterion.exceptions import StarletteDeprecationWarning


def test_every_name_has_the_number_it_says():
    for name in status.__all__:
        assert getattr(status, name) == int(name.split("_")[1])


def test_every_status_that_python_knows_has_a_name():
    named = {getattr(status, name) for name in status.__all__ if name.startswith("HTTP_")}
    assert {int(code) for code in http.HTTPStatus} <= named


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("HTTP_413_REQUEST_ENTITY_TOO_LARGE", "HTTP_413_CONTENT_TOO_LARGE"),
        ("HTTP_414_REQUEST_URI_TOO_LONG", "HTTP_414_URI_TOO_LONG"),
        ("HTTP_416_REQUESTED_RANGE_NOT_SATISFIABLE", "HTTP_416_RANGE_NOT_SATISFIABLE"),
        ("HTTP_422_UNPROCESSABLE_ENTITY", "HTTP_422_UNPROCESSABLE_CONTENT"),
    ],
)
def test_a_name_that_was_replaced_works_and_names_the_new_one(old, new):
    with pytest.warns(StarletteDeprecationWarning, match=f"{old}.*{new}") as caught:
        value = getattr(status, old)
    assert value == getattr(status, new)
    assert caught[0].filename == __file__
    assert old in dir(status)
    assert old not in status.__all__


def test_a_name_that_never_was_is_an_attribute_error():
    with pytest.raises(AttributeError, match="HTTP_999_NO"):
        status.HTTP_999_NO  # noqa: B018


def test_the_current_names_warn_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        from asterion.status import HTTP_404_NOT_FOUND, WS_1000_NORMAL_CLOSURE
    assert (HTTP_404_NOT_FOUND, WS_1000_NORMAL_CLOSURE) == (404, 1000)
