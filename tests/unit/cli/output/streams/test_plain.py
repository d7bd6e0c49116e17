import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from rotator.cli.output import console as output
from rotator.cli.output.streams.marked import Indented
from rotator.cli.output.streams.plain import Plain
from rotator.cli.output.streams.rows import Rows, width_of
from rotator.cli.output.streams.terminal import Terminal
from rotator.plain_text import flat

TEXTS = st.text(max_size=20)


def written(out: Plain | Terminal, *objects: str | Rows, sep: str = " ") -> str:
    before, sys.stdout = sys.stdout, io.StringIO()
    try:
        out.print(*objects, sep=sep)
        return sys.stdout.getvalue()
    finally:
        sys.stdout = before


def by_rich() -> Terminal:
    return Terminal(file=None, width=10_000, quiet=False)


@given(st.lists(TEXTS, min_size=1, max_size=3), st.sampled_from([" ", ""]))
def test_a_text_is_written_as_rich_writes_it_where_there_is_no_terminal(texts: list[str], separator: str) -> None:
    marked = output.state("ok")
    assert written(Plain(err=False), marked, *texts, sep=separator) == written(by_rich(), marked, *texts, sep=separator)


# Rich sets nothing in that takes no room, as a mark of an accent by itself.
@given(st.text(min_size=1, max_size=20).filter(cell_len))
def test_so_is_a_text_that_is_set_in(text: str) -> None:
    assert written(Plain(err=False), Indented(text)) == written(by_rich(), Indented(text))


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=3))
def test_so_is_a_table(cells: list[tuple[str, str]]) -> None:
    table = Rows(("App", "Why", "State"), prose=("Why",), spare=("Why",))
    for app, why in cells:
        table.add_row(app, why, output.state("failed"))
    assert written(Plain(err=False), table) == written(by_rich(), table)


def test_an_empty_line_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    Plain(err=True).line()
    assert capsys.readouterr() == ("", "\n")


@given(st.text())
def test_how_wide_a_text_is_says_rich(text: str) -> None:
    assert width_of(flat(text)) == cell_len(flat(text))


@pytest.mark.parametrize("sign", "✓✗!x+-─")
def test_a_sign_is_as_wide_as_rich_has_it(sign: str) -> None:
    assert width_of(sign) == cell_len(sign) == 1


def test_who_asks_for_colour_gets_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(output.console(), Plain)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert isinstance(output.console(), Terminal)


def test_so_does_a_reader_whose_encoding_lacks_the_lines_of_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    assert isinstance(output.console(), Terminal)
