"""Text and YAML become what an annotation asks for, or are refused in words."""

from pathlib import Path
from typing import Any, Literal

import pytest

from walkprint.cli.values import UsageError, value_of


@pytest.mark.parametrize(
    ("given", "annotation", "expected"),
    [
        ("3", int, 3),
        (3, int, 3),
        ("1e-3", float, 0.001),
        (2, float, 2.0),
        ("01", str, "01"),
        ("a/b", Path, Path("a/b")),
        ("true", bool, True),
        (False, bool, False),
        ("8", Literal[8, 1], 8),
        ("null", int | None, None),
        (None, Path | None, None),
        ("7", int | None, 7),
        (["1", "2"], list[int], [1, 2]),
        (["[1, 2]"], list[int], [1, 2]),
        (["[a.npz, b.npz]"], list[Path], [Path("a.npz"), Path("b.npz")]),
        ([], list[str], []),
        (["[]"], list[str], []),
        (["cl=2", "nm=1", "cl=3"], dict[str, int], {"cl": 3, "nm": 1}),
        (["{cl: 2}", "nm=1"], dict[str, int], {"cl": 2, "nm": 1}),
        ({"cl": 2}, dict[str, int] | None, {"cl": 2}),
        (["data.take=01", "a={x: 1}", "b=c=d"], dict[str, Any], {"data.take": "01", "a": "{x: 1}", "b": "c=d"}),
    ],
)  # fmt: skip
def test_a_value_of_a_kind(given: Any, annotation: Any, expected: Any) -> None:
    found = value_of(given, annotation)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("given", "annotation", "said"),
    [
        ("x", int, "expected a whole number, found x"),
        ("x", int | None, "expected a whole number, found x"),
        (True, int, "expected a whole number, found True"),
        (1.5, int, "expected a whole number, found 1.5"),
        ("x", float, "expected a number, found x"),
        ("yes", bool, "expected true or false, found yes"),
        (2, str, "expected text, found 2; put it in quotes"),
        (["a", 2], list[str], "expected text, found 2; put it in quotes"),
        ("a", list[str], "expected a list such as [a, b], found a"),
        ("cosin", Literal["euclidean", "cosine"], "expected euclidean or cosine, found cosin; did you mean cosine?"),
        ("xqzw", Literal["euclidean", "cosine"], "expected euclidean or cosine, found xqzw"),
        (["schedule.steps"], dict[str, Any], "expected name=value, found schedule.steps"),
        (["=3"], dict[str, int], "expected name=value, found =3"),
        (["{cl: 8, cl: 4}"], dict[str, int], "cl is there twice in {cl: 8, cl: 4}, line 1, column 9"),
        (["cl=x"], dict[str, int], "cl: expected a whole number, found x"),
    ],
)
def test_something_else_is_refused_in_words(given: Any, annotation: Any, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        value_of(given, annotation)
    assert str(caught.value) == said
