"""A case file that is wrong is refused, with the line and what to write instead."""

from pathlib import Path

import pytest

from fixbook.casefile import CaseFileError, load_catalogue, loads, read_case

HEAD = "---\nid: x\n"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "starts with its front matter"),
        ("---\nid: x\n", 1, "not closed"),
        ("---\n---\n", 2, "empty"),
        ("---\ntitle: x\n---\n", 1, "`id` is missing"),
        ("---\nid: ../x\n---\n", 2, "not an id"),
        (HEAD + "colour: red\n---\n", 3, "there is no key 'colour'"),
        (HEAD + "id: y\n---\n", 3, "'id' is here twice"),
        (HEAD + "title: [a]\n---\n", 3, "a text is wanted here, not a list"),
        (HEAD + "title:\n---\n", 3, "there is no value"),
        (HEAD + "title: 'a\n---\n", 4, "not YAML"),
        (HEAD + "title: \x01\n---\n", 3, "does not allow"),
        (HEAD + "tags: &a [b]\nrelated: *a\n---\n", 3, "anchors"),
        (HEAD + "title: !!python/name:os.system x\n---\n", 3, "tags"),
        (HEAD + "tags: " + "[" * 20 + "]" * 20 + "\n---\n", 3, "too deeply"),
        (HEAD + "status: maybe\n---\n", 3, "not a status"),
        (HEAD + "confidence: 2\n---\n", 3, "between 0 and 1"),
        (HEAD + "confidence: nan\n---\n", 3, "between 0 and 1"),
        (HEAD + "truncated: yes\n---\n", 3, "neither true nor false"),
        (HEAD + "---\ntext\n", 4, "before the first section"),
        (HEAD + "---\n\n## Colours\n", 5, "no section '## Colours'"),
        (HEAD + "---\n# Title\n", 4, "no section '# Title'"),
        (HEAD + "---\n## Trigger\na\n## Trigger\n", 6, "here twice"),
        (HEAD + "trigger: a\n---\n## Trigger\nb\n", 5, "in the front matter as well"),
        (HEAD + "---\n## Impact\ntext\n", 5, "a list is wanted"),
        (HEAD + "---\n## Discussion\ntext\n", 5, "a quote is wanted"),
        (HEAD + "---\n## Options\ntext\n", 5, "an option starts with"),
        (HEAD + "---\n## Diff\n```\n+a\n", 5, "not closed"),
        (HEAD + "---\n## Diff\n```\n+a\n```\nmore\n", 8, "nothing after it"),
        (HEAD + "---\n## Source\ntext\n", 4, "does not tell what this is"),
        (HEAD + "source: {name: a}\n---\n", 3, "the text is missing"),
        (HEAD + "reproduction: {package: a}\n---\n", 3, "stands in one place"),
        (HEAD + "reproduction: {path: repro.py}\n---\n", 3, "no file 'repro.py' beside"),
        (HEAD + "reproduction: {path: ../repro.py}\n---\n", 3, "not the relative path"),
        (HEAD + "reproduction: {path: /etc/passwd}\n---\n", 3, "not the relative path"),
        (HEAD + "reproduction: {code: a, requires: ['a b']}\n---\n", 3, "not a requirement"),
        (HEAD + "reproduction: {code: a, timeout: -1}\n---\n", 3, "between 0 and 3600"),
        (HEAD + "reproduction: {code: a, python: three}\n---\n", 3, "not a version specifier"),
        (HEAD + "reproduction: {code: a, broken: {}}\n---\n", 3, "nothing is expected"),
        (HEAD + "reproduction: {code: a, broken: {exit: one}}\n---\n", 3, "not an exit status"),
        (HEAD + "reproduction:\n  code: a\n  right:\n    output: '('\n---\n", 6, "not a regular expression"),
        (HEAD + "reproduction: {code: a, targets: [{version: '1'}]}\n---\n", 3, "'role' is missing"),
        (HEAD + "reproduction: {code: a, targets: [{role: oldest}]}\n---\n", 3, "not a role"),
        (HEAD + "reproduction: {code: a, targets: [{role: broken}]}\n---\n", 3, "name their version"),
        (HEAD + "reproduction: {code: a, targets: [{role: newest, version: '1'}]}\n---\n", 3, "name none"),
        (HEAD + "reproduction: {code: a, targets: [{role: fixed, version: one}]}\n---\n", 3, "not a version"),
        (HEAD + "reproduction: {code: a, targets: [{role: newest}, {role: newest}]}\n---\n", 3, "here twice"),
        (HEAD + "reproduction: {code: a, targets: [{role: newest, expect: stopped}]}\n---\n", 3, "cannot be expected"),
    ],
)
def test_a_wrong_case_file_is_refused_with_its_line(text: str, line: int, says: str) -> None:
    with pytest.raises(CaseFileError) as raised:
        loads(text)
    assert (raised.value.line, says in raised.value.message) == (line, True), str(raised.value)
    assert str(raised.value).startswith(f"case.md:{line}: ")


def test_versions_and_dates_stay_as_they_are_spelled() -> None:
    case = loads(HEAD + "first_fixed: 0.20\nversions: {1.10: no}\nevidence: {Last verified: 2026-02-09}\n---\n")
    assert case.first_fixed == "0.20"
    assert [(entry.version, entry.status) for entry in case.versions] == [("1.10", "no")]
    assert case.evidence == {"Last verified": "2026-02-09"}


def test_headings_inside_of_code_are_code() -> None:
    case = loads(HEAD + "---\n## Mechanism\nSee\n\n```python\n## Trigger\n```\n\n## Trigger\nnow\n")
    assert (case.mechanism, case.trigger) == ("See\n\n```python\n## Trigger\n```", "now")


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(CaseFileError, match="cannot be read"):
        read_case(tmp_path)
    (tmp_path / "case.md").write_bytes(b"---\nid: \xff\n---\n")
    with pytest.raises(CaseFileError, match=r"case\.md:2: this is not UTF-8: byte 0xff"):
        read_case(tmp_path)


def test_a_script_outside_of_the_folder_is_not_read_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    folder = tmp_path / "x"
    folder.mkdir()
    (folder / "repro.py").symlink_to(tmp_path / "secret")
    (folder / "case.md").write_text(HEAD + "reproduction: {path: repro.py}\n---\n")
    with pytest.raises(CaseFileError, match="no file 'repro.py' beside"):
        read_case(folder)


def test_the_catalogue_is_sorted_and_every_case_stands_under_its_own_name(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "case.md").write_text(f"---\nid: {name}\n---\n")
    (tmp_path / "not-a-case").mkdir()
    assert [case.id for case in load_catalogue(tmp_path)] == ["a", "b"]
    (tmp_path / "not-a-case" / "case.md").write_text("---\nid: a\n---\n")
    with pytest.raises(CaseFileError, match="folder of another name"):
        load_catalogue(tmp_path)
    with pytest.raises(CaseFileError, match="no such folder"):
        load_catalogue(tmp_path / "missing")
