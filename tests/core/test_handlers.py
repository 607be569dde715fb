"""Which exception handler answers an exception."""

from typing import Any

import pytest

from asterion._core.handlers import find_handler, split_handlers
from asterion.exceptions import HTTPException, WebSocketException


def handler(name: str) -> Any:
    def handle(connection: Any, error: BaseException) -> str:
        return name

    return handle


BY_KEY = handler("key")
BY_LOOKUP = handler("lookup")
BY_HTTP = handler("http")
BY_404 = handler("404")


class Teapot(HTTPException):
    def __init__(self) -> None:
        super().__init__(418)


def found(error: BaseException, handlers: dict[Any, Any]) -> tuple[BaseException, str] | None:
    result = find_handler(error, *split_handlers(handlers))
    return None if result is None else (result[0], result[1](None, result[0]))


def test_handlers_are_split_by_class_and_by_status() -> None:
    assert split_handlers({KeyError: BY_KEY, 404: BY_404}) == ({KeyError: BY_KEY}, {404: BY_404})


@pytest.mark.parametrize("key", ["404", None, KeyError("x"), int, 4.04, (KeyError, IndexError)])
def test_any_other_key_is_refused_by_its_value(key: Any) -> None:
    with pytest.raises(TypeError, match="an exception class or a status code, got"):
        split_handlers({key: BY_KEY})


def test_an_exception_without_a_handler_has_none() -> None:
    assert found(KeyError("x"), {IndexError: BY_KEY, 404: BY_404}) is None


def test_the_nearest_base_class_answers() -> None:
    error = KeyError("x")
    assert found(error, {Exception: BY_HTTP, LookupError: BY_LOOKUP}) == (error, "lookup")
    assert found(error, {LookupError: BY_LOOKUP, KeyError: BY_KEY}) == (error, "key")


def test_a_status_code_wins_over_every_class() -> None:
    error = HTTPException(404)
    assert found(error, {HTTPException: BY_HTTP, 404: BY_404}) == (error, "404")


def test_a_status_code_is_for_http_exceptions_only() -> None:
    class Other(Exception):
        status_code = 404

    assert found(Other(), {404: BY_404}) is None
    assert found(WebSocketException(1008), {1008: BY_404}) is None


def test_an_http_exception_of_another_status_goes_by_its_class() -> None:
    error = Teapot()
    assert found(error, {404: BY_404, HTTPException: BY_HTTP}) == (error, "http")
    assert found(error, {Teapot: BY_KEY, HTTPException: BY_HTTP}) == (error, "key")


class TestGroups:
    """An exception group is answered by what is in it, if all of that can be (issues 2811, 2830)."""

    def test_a_group_of_one_is_answered_as_that_one(self) -> None:
        inner = HTTPException(404)
        assert found(ExceptionGroup("g", [inner]), {404: BY_404}) == (inner, "404")

    def test_nested_groups_are_looked_into(self) -> None:
        inner = KeyError("x")
        error = ExceptionGroup("outer", [ExceptionGroup("inner", [inner])])
        assert found(error, {KeyError: BY_KEY}) == (inner, "key")

    def test_the_first_of_several_is_answered(self) -> None:
        first, second = KeyError("x"), HTTPException(404)
        error = ExceptionGroup("g", [first, second])
        assert found(error, {404: BY_404, KeyError: BY_KEY}) == (first, "key")

    def test_one_that_nobody_answers_leaves_the_group_unanswered(self) -> None:
        error = ExceptionGroup("g", [HTTPException(404), OSError("disk")])
        assert found(error, {404: BY_404}) is None

    def test_a_handler_for_groups_is_nearer_than_one_for_what_is_in_them(self) -> None:
        error = ExceptionGroup("g", [HTTPException(404)])
        assert found(error, {404: BY_404, ExceptionGroup: BY_KEY}) == (error, "key")

    def test_a_handler_for_every_exception_answers_the_group_itself(self) -> None:
        error = ExceptionGroup("g", [HTTPException(404)])
        assert found(error, {404: BY_404, Exception: BY_HTTP}) == (error, "http")
