"""State: attributes and items are the same, and it can be copied and pickled."""

import copy
import pickle

import pytest

from asterion._core.state import State


def test_attributes_and_items_are_the_same():
    state = State()
    state.a = 1
    state["b"] = 2
    assert (state["a"], state.b) == (1, 2)
    assert list(state) == ["a", "b"]
    assert len(state) == 2
    assert "a" in state
    del state.a
    del state["b"]
    assert list(state) == []


def test_it_holds_the_very_dictionary_it_is_made_from():
    """A lifespan's state and a request's state meet in the scope."""
    shared: dict = {}
    State(shared).a = 1
    assert shared == {"a": 1}
    assert State(shared).a == 1


def test_what_is_not_there_is_an_attribute_error_or_a_key_error():
    state = State()
    with pytest.raises(AttributeError, match="'db'"):
        state.db  # noqa: B018
    with pytest.raises(AttributeError, match="'db'"):
        del state.db
    with pytest.raises(KeyError, match="db"):
        state["db"]
    with pytest.raises(KeyError, match="db"):
        del state["db"]
    assert not hasattr(state, "db")
    assert getattr(state, "db", 3) == 3


def test_an_empty_state_is_true():
    assert State()


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda state: pickle.loads(pickle.dumps(state))])
def test_a_duplicate_has_the_same_values_and_a_life_of_its_own(duplicate):
    """Issue 10 of the catalogue: copying and unpickling recursed until RecursionError."""
    state = State({"a": [1]})
    twin = duplicate(state)
    assert type(twin) is State
    assert twin.a == [1]
    twin.b = 2
    assert "b" not in state


def test_an_empty_state_can_be_duplicated():
    assert list(copy.copy(State())) == list(pickle.loads(pickle.dumps(State()))) == []


def test_asking_before_it_is_initialised_is_an_attribute_error_and_no_recursion():
    bare = State.__new__(State)
    with pytest.raises(AttributeError):
        bare.anything  # noqa: B018


def test_a_subclass_may_have_annotations_and_methods():
    class Typed(State):
        db: str

        def shout(self):
            return self.db.upper()

    assert Typed({"db": "pg"}).shout() == "PG"


def test_repr_names_what_is_there_and_shows_no_value():
    assert repr(State({"token": "secret", "db": 1})) == "State(db, token)"
