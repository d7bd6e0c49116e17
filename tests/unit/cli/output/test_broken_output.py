import os

from rotator.cli.output.broken_output import BrokenOutput


def test_it_writes_as_long_as_somebody_reads_and_then_to_nowhere() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as file:
        stream = BrokenOutput(file)
        stream.write("one\n")
        stream.flush()
        assert os.read(reading, 10) == b"one\n"
        os.close(reading)
        for _ in range(3):
            assert stream.write("two\n") == 4
            stream.flush()


def test_it_ends_quietly_after_its_file() -> None:
    with open(os.devnull, "w", encoding="utf-8") as file:  # noqa: PTH123 - a device
        stream = BrokenOutput(file)
    stream.close()


def test_it_is_no_terminal_where_the_file_is_none() -> None:
    with open(os.devnull, "w", encoding="utf-8") as file:  # noqa: PTH123 - a device
        assert (BrokenOutput(file).isatty(), BrokenOutput(file).encoding) == (False, "utf-8")
