"""The page about reliability says what the parts' results say."""

from scripts.reliability import render, results


def test_both_sides_stand_beside_each_other():
    page = render(
        [
            {
                "part": "faults",
                "asterion": {"runs": 1200, "hang": 0},
                "starlette": {"runs": 900, "hang": 3},
                "command": "x",
            }
        ]
    )
    assert "## Faults" in page
    assert "| | Asterion | Starlette 1.10 |" in page
    assert "| runs | 1,200 | 900 |" in page
    assert "| hang | 0 | 3 |" in page
    assert "Made by `x`." in page


def test_a_part_without_the_other_side_has_one_column():
    page = render([{"part": "fuzzing", "asterion": {"targets": {"json": {"runs": 5, "findings": []}}}}])
    assert "| | Asterion |\n" in page
    assert "| targets: json | runs 5, findings none |" in page


def test_a_part_nobody_has_described_has_a_section_all_the_same():
    page = render([{"part": "another", "asterion": {"share_of_it": 0.5, "why": "a|b"}}])
    assert "## Another" in page
    assert "| share of it | 0.5 |" in page
    assert "a\\|b" in page


def test_every_result_in_the_repository_can_be_shown():
    assert render(list(results())).startswith("# Reliability")


def test_the_page_begins_with_one_line_for_each_part():
    side = {"runs": 1200, "violations": 0}
    head = render([{"part": "simulation", "asterion": side, "starlette": {"runs": 900, "violations": 30}}])
    assert "runs that violate one | 0 of 1,200 | 30 of 900 |" in head.partition("## Simulation")[0]


def test_a_side_that_was_not_run_is_empty_in_the_table_at_the_top():
    page = render([{"part": "properties", "asterion": {"runs": 5, "violations": 0}, "starlette": None}])
    assert "did not hold | 0 of 5 |  |" in page


def test_mutants_have_a_table_by_draw_from_a_group_of_modules_and_a_line_for_each_seed():
    one = {"possible": 300, "drawn": 40, "first": 7, "equivalent": 2, "tried": 38, "noticed": 37, "survived": 1}
    other = {"possible": 1000, "drawn": 40, "first": 0, "equivalent": 0, "tried": 40, "noticed": 40, "survived": 0}
    later = {"seed": 7, "noticed at first": 39}
    groups = {"urls": [one | {"seed": 6}, other | later], "forms": [other | {"seed": 6}]}
    page = render([{"part": "mutation", "asterion": {"mutants": groups}, "starlette": {}}])
    lines = [line for line in page.splitlines() if line.startswith(("| forms", "| urls", "| all"))]
    assert lines == [
        "| forms | 6 | 1,000 | 40 |  | 0 | 0 | 40 | 0 | 100.0% |",
        "| urls | 6 | 300 | 40 |  | 7 | 2 | 37 | 1 | 97.4% |",
        "| urls | 7 | 1,000 | 40 | 39 | 0 | 0 | 40 | 0 | 100.0% |",
        "| all | 6 | 1,300 | 80 |  | 7 | 2 | 77 | 1 | 98.7% |",
        "| all | 7 | 1,000 | 40 | 39 | 0 | 0 | 40 | 0 | 100.0% |",
    ]
    assert "mutants that no test notices | 1 of 118 |  |" in page
