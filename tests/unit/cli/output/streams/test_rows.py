from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rotator.cli.output.streams.marked import Styled
from rotator.cli.output.streams.rows import Rows
from rotator.plain_text import flat

APP = "Billing_Integration"


def rows() -> Rows:
    table = Rows(("App", "Key", "Certificate", "Why"), prose=["Why"], spare=("Key", "Certificate"))
    table.add_row(APP, "RSA 2048", "abababababab", "its certificate is live and its key logs in")
    return table


def shown(table: Rows | Table, width: int) -> str:
    out = StringIO()
    Console(file=out, width=width, highlight=False).print(table)
    return out.getvalue()


def test_a_wide_terminal_shows_every_column_on_one_line() -> None:
    headings, _, row = shown(rows(), 120).splitlines()
    assert headings.split() == ["App", "Key", "Certificate", "Why"]
    assert row.split("   ")[-1].strip() == "its certificate is live and its key logs in"


def test_sentences_are_wrapped_before_a_column_is_left_out() -> None:
    text = shown(rows(), 70)
    assert "Key" in text
    assert "room" not in text
    assert len(text.splitlines()) > 3


def test_columns_that_can_be_spared_are_left_out_the_first_one_first_and_named() -> None:
    text = shown(rows(), 58)
    assert "abababababab" in text
    assert "RSA" not in text
    assert "58 columns have no room for: Key. --json shows all." in text


@given(width=st.integers(40, 200))
def test_no_name_is_broken_in_two_where_it_fits(width: int) -> None:
    text = shown(rows(), width)
    assert APP in text
    assert max(map(len, text.splitlines())) <= width


def test_a_name_that_no_terminal_has_room_for_is_folded_and_not_cut() -> None:
    table = Rows(("App", "State"))
    table.add_row("A" * 90, "ok")
    assert shown(table, 40).count("A") == 90 + "App".count("A")


def test_an_empty_table_is_its_headings() -> None:
    assert shown(Rows(("App", "State")), 80).split()[:2] == ["App", "State"]


@given(st.lists(st.tuples(*[st.text(max_size=8)] * 3), max_size=4), st.sampled_from([20, 200]))
def test_a_table_that_needs_no_layout_is_as_rich_has_it(cells: list[tuple[str, str, str]], width: int) -> None:
    ours = Rows(("Org", "App", "State"))
    richs = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for name in ("Org", "App", "State"):
        richs.add_column(name, overflow="fold", no_wrap=True)
    for org, app, state in cells:
        ours.add_row(org, app, Styled(state, "green"))
        richs.add_row(Text(flat(org)), Text(flat(app)), Text(flat(state), style="green"))
    if max(map(len, shown(richs, 200).splitlines())) <= width:
        assert shown(ours, width) == shown(richs, width)


def test_a_large_table_costs_no_layout_of_each_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Table, "__rich_console__", no_layout)
    table = rows()
    assert shown(table, 120).splitlines()[2].startswith(APP)


def no_layout(*_: object) -> None:
    raise AssertionError("Rich lays out a table that needs none")
