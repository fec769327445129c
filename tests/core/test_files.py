import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walkprint.core.files import in_number_order, replacing, write_atomically


def test_a_file_is_written_with_its_folders(tmp_path):
    write_atomically(tmp_path / "new" / "a.txt", "grün")
    assert (tmp_path / "new" / "a.txt").read_bytes() == "grün".encode()
    write_atomically(tmp_path / "new" / "a.txt", b"other")
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "new").iterdir()] == [("a.txt", b"other")]


def test_an_error_leaves_the_old_file(tmp_path):
    write_atomically(tmp_path / "a.txt", "old")

    def write_half() -> None:
        with replacing(tmp_path / "a.txt") as temporary:
            temporary.write_text("ne")
            assert (tmp_path / "a.txt").read_text() == "old"
            raise ValueError("half")

    with pytest.raises(ValueError, match="half"):
        write_half()
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "old")]


@settings(deadline=None)
@given(numbers=st.lists(st.integers(0, 10**6), unique=True))
def test_frames_are_sorted_by_number(numbers):
    names = [f"001-bg-01-{number}.png" for number in numbers]
    assert in_number_order(names) == [f"001-bg-01-{number}.png" for number in sorted(numbers)]


def test_names_without_numbers_sort_too():
    assert in_number_order(["b.png", "10.png", "a2.png", "a10.png", "2.png"]) == [
        "2.png",
        "10.png",
        "a2.png",
        "a10.png",
        "b.png",
    ]
