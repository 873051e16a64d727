"""CSV that a spreadsheet opens and does not run."""

from __future__ import annotations

import pytest

from hyperstrate.shared.sheets import csv_text, harmless


def test_cells_with_commas_quotes_and_line_ends_stay_one_cell() -> None:
    assert csv_text([["a,b", 'say "c"', "d\ne", 1]]) == '"a,b","say ""c""","d\ne",1\r\n'


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx"])
def test_what_a_spreadsheet_would_run_is_quoted(text: str) -> None:
    assert harmless(text) == f"'{text}"


def test_other_text_stays_as_it_is() -> None:
    assert harmless("gpt-4o = good") == "gpt-4o = good"
