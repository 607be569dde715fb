"""Configuration: environment, file, default; and files as everybody writes them."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterion.config import Config, Environ, EnvironError, environ, undefined
from asterion.datastructures import CommaSeparatedStrings, Secret

steady = settings(derandomize=True, database=None, deadline=None)


def config_of(tmp_path, text, **more):
    path = tmp_path / ".env"
    path.write_text(text, encoding="utf-8")
    return Config(path, **{"environ": {}, **more})


class TestLookUp:
    def test_the_environment_wins_over_the_file_and_the_file_over_the_default(self, tmp_path):
        config = config_of(tmp_path, "A=file\nB=file", environ={"A": "environment"})
        assert [config(key, default="default") for key in "ABC"] == ["environment", "file", "default"]
        assert config.get("B") == "file"

    def test_what_is_missing_is_a_key_error_that_names_it(self):
        with pytest.raises(KeyError, match="APP_KEY"):
            Config(environ={}, env_prefix="APP_")("KEY")

    def test_the_default_may_be_none_and_is_cast(self):
        config = Config(environ={})
        assert config("A", default=None) is None
        assert config("A", cast=int, default=None) is None
        assert config("A", cast=int, default="5") == 5
        assert config("A", default=undefined.__name__) == "undefined"

    def test_the_prefix_goes_in_front_of_every_key(self, tmp_path):
        config = config_of(tmp_path, "APP_B=2", environ={"APP_A": "1", "A": "0"}, env_prefix="APP_")
        assert (config("A"), config("B")) == ("1", "2")

    def test_casts_are_any_callable(self):
        config = Config(environ={"N": "5", "HOSTS": "a, b", "KEY": "x"})
        assert config("N", cast=int) == 5
        assert list(config("HOSTS", cast=CommaSeparatedStrings)) == ["a", "b"]
        assert str(config("KEY", cast=Secret)) == "x"
        assert config("N", cast=lambda text: text * 2) == "55"

    @pytest.mark.parametrize(
        ("text", "value"),
        [("true", True), ("YES", True), ("on", True), ("1", True), ("False", False), ("no", False), ("OFF ", False),
        ("0", False)],
    )  # fmt: skip
    def test_booleans_are_what_people_write(self, text, value):
        assert Config(environ={"A": text})("A", cast=bool) is value

    @pytest.mark.parametrize("default", [True, False])
    def test_a_boolean_default_stays(self, default):
        assert Config(environ={})("A", cast=bool, default=default) is default

    @pytest.mark.parametrize(("text", "cast"), [("maybe", bool), ("", bool), ("2", bool), ("x", int), ("", float)])
    def test_a_value_that_cannot_be_cast_is_an_error_that_shows_it(self, text, cast):
        with pytest.raises(ValueError, match=f"'A' has the value {text!r}.*{cast.__name__}"):
            Config(environ={"A": text})("A", cast=cast)


class TestFile:
    @pytest.mark.parametrize(
        ("line", "value"),
        [
            ("A=1", "1"),
            ("A = 1 ", "1"),
            ("  export A=1", "1"),
            ("export\tA=1", "1"),
            ("A=", ""),
            ("A=1 # comment", "1"),
            ("A=1\t# comment", "1"),
            ("A=# comment", ""),
            ("A=a#b", "a#b"),
            ("A=http://h/#top", "http://h/#top"),
            ("A=b=c", "b=c"),
            ("A='x # y' # z", "x # y"),
            ('A="x # y"', "x # y"),
            ("A='a\"b\\n'", 'a"b\\n'),
            ('A="a\\"b\\n\\\\\\$\\x"', 'a"b\n\\$\\x'),
            ("A=it's", "it's"),
            ('A=a "b" c', 'a "b" c'),
            ("A=''", ""),
            ("A=é", "é"),
            ("\ufeffA=1", "1"),
            ("A=1\r\nB=2", "1"),
            ("A=1\nA=2", "2"),
            ("# A=3\nA=1\n#A=4", "1"),
            ("nonsense\n\nA=1", "1"),
        ],
    )
    def test_lines(self, tmp_path, line, value):
        assert config_of(tmp_path, line)("A") == value

    @pytest.mark.parametrize("line", ["A='b", 'A="b', 'A="b\\"', "A='b' c", "A B=1", "=1"])
    def test_a_line_that_cannot_be_meant_is_an_error_with_its_number(self, tmp_path, line):
        with pytest.raises(ValueError, match=r"\.env, line 2: "):
            config_of(tmp_path, f"B=1\n{line}")

    def test_a_missing_file_is_a_warning_and_the_environment_counts(self, tmp_path):
        with pytest.warns(UserWarning, match="nowhere") as caught:
            config = Config(tmp_path / "nowhere", environ={"A": "1"})
        assert config("A") == "1"
        assert Path(caught[0].filename) == Path(__file__)

    def test_the_encoding_can_be_chosen(self, tmp_path):
        path = tmp_path / ".env"
        path.write_bytes("A=é".encode("latin-1"))
        assert Config(str(path), environ={}, encoding="latin-1")("A") == "é"

    def test_no_file_is_no_warning(self):
        assert Config(environ={}).file_values == {}

    @steady
    @given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=20))
    def test_quoted_values_are_read_back(self, value):
        from asterion.config import _parse_env

        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        assert _parse_env(f'A="{quoted}" # comment', ".env") == {"A": value}


class TestEnviron:
    def test_a_variable_that_was_read_cannot_be_changed(self):
        env = Environ({"A": "1", "B": "2"})
        env["A"] = "3"
        assert env["A"] == "3"
        with pytest.raises(EnvironError, match="set environ\\['A'\\]"):
            env["A"] = "4"
        with pytest.raises(EnvironError, match="delete environ\\['A'\\]"):
            del env["A"]
        del env["B"]
        assert dict(env) == {"A": "3"}
        assert len(env) == 1

    def test_looking_for_a_variable_that_is_not_there_counts_as_reading(self):
        """Its absence has decided something already."""
        env = Environ({})
        assert env.get("A") is None
        with pytest.raises(EnvironError):
            env["A"] = "1"

    def test_the_default_is_the_environment_of_the_process(self):
        assert dict(environ) == dict(os.environ)
