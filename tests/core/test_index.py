"""The route index: never asks a route that cannot match, and keeps the order in which routes were declared."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterion._core.index import Place, RouteIndex, RouteList

steady = settings(derandomize=True, database=None, deadline=None)


def index(*routes: tuple[str, Place | None]) -> RouteIndex[str]:
    return RouteIndex((name, () if place is None else (place,)) for name, place in routes)


def literal(path: str) -> Place:
    return Place(literal=path)


def prefix(path: str) -> Place:
    return Place(prefix=path)


def test_an_empty_index_has_no_candidates() -> None:
    assert index().candidates("/") == []


def test_literal_paths_are_found_by_themselves() -> None:
    made = index(("a", literal("/a")), ("b", literal("/b")))
    assert made.candidates("/a") == ["a"]
    assert made.candidates("/b") == ["b"]
    assert made.candidates("/c") == []
    assert made.candidates("/a/") == []


def test_templates_are_found_under_their_static_beginning() -> None:
    made = index(("users", prefix("/users/")), ("posts", prefix("/users/posts/")), ("root", prefix("/")))
    assert made.candidates("/users/7") == ["users", "root"]
    assert made.candidates("/users/posts/7") == ["users", "posts", "root"]
    assert made.candidates("/usersx/7") == ["root"]
    assert made.candidates("/users") == ["root"]


def test_a_route_without_a_place_is_a_candidate_everywhere() -> None:
    made = index(("first", literal("/a")), ("custom", None), ("last", literal("/b")))
    assert made.candidates("/a") == ["first", "custom"]
    assert made.candidates("/b") == ["custom", "last"]
    assert made.candidates("/anything") == ["custom"]
    assert made.candidates("no slash at all") == ["custom"]


def test_a_template_without_a_static_beginning_is_a_candidate_everywhere() -> None:
    made = index(("a", literal("/a")), ("any", prefix("")))
    assert made.candidates("/a") == ["a", "any"]
    assert made.candidates("no slash at all") == ["any"]


def test_candidates_stand_in_declared_order_wherever_they_are_filed() -> None:
    made = index(
        ("template", prefix("/users/")),
        ("custom", None),
        ("literal", literal("/users/me")),
        ("mount", prefix("/")),
        ("again", literal("/users/me")),
    )
    assert made.candidates("/users/me") == ["template", "custom", "literal", "mount", "again"]
    assert made.candidates("/users/you") == ["template", "custom", "mount"]


def test_a_route_may_have_several_places() -> None:
    made = RouteIndex([("both", (literal("/a"), prefix("/b/"))), ("other", (literal("/a"),))])
    assert made.candidates("/a") == ["both", "other"]
    assert made.candidates("/b/x") == ["both"]


def test_a_route_is_a_candidate_once_also_where_several_of_its_places_lead() -> None:
    places = (prefix("/a/"), prefix("/a/b/"), literal("/a/b/c"), literal("/a/b/c"))
    made = RouteIndex([("before", (prefix("/"),)), ("often", places), ("after", (literal("/a/b/c"),))])
    assert made.candidates("/a/b/c") == ["before", "often", "after"]
    assert made.candidates("/a/b/x") == ["before", "often"]


def test_a_path_of_many_slashes_is_walked_no_deeper_than_the_deepest_prefix() -> None:
    class Counting(str):
        __slots__ = ()
        finds = 0

        def find(self, *args: Any) -> int:
            type(self).finds += 1
            return super().find(*args)

    made = index(("deep", prefix("/a/b/")), ("custom", None))
    assert made.candidates(Counting("/" * 10_000)) == ["custom"]
    assert Counting.finds <= 3


SEGMENTS = st.lists(st.sampled_from(["a", "b", "ab"]), max_size=3)
PLACES = st.one_of(
    st.none(),
    SEGMENTS.map(lambda parts: literal("/" + "/".join(parts))),
    SEGMENTS.map(lambda parts: prefix("".join(f"/{part}" for part in parts) + "/")),
)


def fits(place: Place | None, path: str) -> bool:
    if place is None:
        return True
    return path == place.literal if place.literal is not None else path.startswith(place.prefix)


@given(st.lists(PLACES, max_size=12), SEGMENTS, st.booleans())
@steady
def test_the_candidates_are_what_a_scan_of_all_places_finds(
    places: list[Place | None], segments: list[str], slash: bool
) -> None:
    path = "/" + "/".join(segments) + ("/" if slash and segments else "")
    made = RouteIndex((number, () if place is None else (place,)) for number, place in enumerate(places))
    assert made.candidates(path) == [number for number, place in enumerate(places) if fits(place, path)]


# --- the list that counts its changes ---


def delete(routes: RouteList[int]) -> None:
    del routes[0]


def delete_slice(routes: RouteList[int]) -> None:
    del routes[:2]


def assign(routes: RouteList[int]) -> None:
    routes[0] = 9


def assign_slice(routes: RouteList[int]) -> None:
    routes[:] = [9]


def add(routes: RouteList[int]) -> None:
    routes += [9]


def multiply(routes: RouteList[int]) -> None:
    routes *= 2


CHANGES: list[Callable[[RouteList[int]], object]] = [
    lambda routes: routes.append(9),
    lambda routes: routes.extend([9]),
    lambda routes: routes.insert(0, 9),
    lambda routes: routes.pop(),
    lambda routes: routes.remove(2),
    lambda routes: routes.reverse(),
    lambda routes: routes.sort(key=lambda one: -one),
    lambda routes: routes.clear(),
    delete,
    delete_slice,
    assign,
    assign_slice,
    add,
    multiply,
]


@pytest.mark.parametrize("change", CHANGES)
def test_every_way_to_change_a_list_is_counted_and_works_as_on_a_list(change: Callable[[Any], object]) -> None:
    routes, plain = RouteList([1, 2, 3]), [1, 2, 3]
    before = routes.version
    assert change(routes) == change(plain)
    assert routes == plain
    assert routes.version > before


def test_every_method_of_a_list_that_changes_it_is_counted() -> None:
    """Found by what a list offers beyond a tuple, so that a new Python cannot add one unnoticed."""
    reads = {"copy", "__class_getitem__", "__reversed__", "__init__", "__sizeof__"}
    changing = {name for name in vars(list) if name not in vars(tuple)} - reads
    changing -= {"__doc__", "__hash__", "__new__"}
    assert changing <= vars(RouteList).keys()


def test_while_no_list_changes_the_number_of_the_last_change_stays_the_same() -> None:
    one, other = RouteList([1]), RouteList([2])
    before = RouteList.latest
    assert list(one) + list(other) == [1, 2]
    assert RouteList.latest == before
    one.append(3)
    first = RouteList.latest
    assert first == one.version != before
    other.append(4)
    assert RouteList.latest == other.version != first


def test_a_change_is_counted_when_it_is_there_to_be_seen() -> None:
    routes: RouteList[int] = RouteList()
    seen: list[int] = []

    def others() -> Any:
        seen.append(routes.version)
        yield 1

    routes.extend(others())
    assert routes.version > seen[0]


def test_a_change_that_fails_leaves_the_list_as_it_was() -> None:
    routes = RouteList([1])
    with pytest.raises(ValueError, match="not in list"):
        routes.remove(5)
    assert routes == [1]


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_list_of_routes_can_be_copied_and_pickled(clone: Any) -> None:
    assert clone(RouteList([1, 2])) == [1, 2]
