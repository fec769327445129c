"""A plain typed function becomes options, help and refusals."""

from pathlib import Path
from typing import Any, Literal

import pytest

from walkprint.cli.values import UsageError
from walkprint.cli.verb import Summary, Verb
from walkprint.core.errors import RecipeError


def greet(
    name: str,
    *,
    loud: bool = False,
    times: int = 1,
    tone: Literal["kind", "cold"] = "kind",
    titles: list[str] | None = None,
    set: dict[str, Any] | None = None,
    out: Path | None = None,
) -> Summary:
    """Greet a person.

    More than once, 100 % sure.

    Args:
        name: of the person.
        loud: in capitals, which
            is rude.
        times: how often.
        tone: of voice.
        titles: before the name.
        set: anything else.
        out: a file.

    Example:
        walkprint greet ann
        --loud
    """
    text = " ".join([name] * times)
    return Summary({}, text.upper() if loud else text)


def salute(names: list[str], *, out: Path) -> Summary:
    """Salute several."""
    return Summary({}, "")


VERB = Verb(greet, "greet")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], {}),
        (["--loud", "--times", "1"], {"loud": True, "times": 1}),  # the default, but given
        (["--times=3"], {"times": 3}),
        (["--loud", "--no_loud"], {"loud": False}),
        (["--titles", "dr", "mr", "--tone", "cold"], {"titles": ["dr", "mr"], "tone": "cold"}),
        (["--titles", "[dr, mr]"], {"titles": ["dr", "mr"]}),
        (["--set", "a.b=1", "c=[x, y]", "--set", "d=e"], {"set": {"a.b": "1", "c": "[x, y]", "d": "e"}}),
        (["--out", "null"], {"out": None}),
        (["--config", "asked.yaml"], {"loud": True, "times": 3, "set": {"a.b": 1}}),
        (["--config", "asked.yaml", "--times", "1", "--no_loud"], {"loud": False, "times": 1, "set": {"a.b": 1}}),
        (["--set", "d=e", "--config=asked.yaml"], {"loud": True, "times": 3, "set": {"a.b": 1, "d": "e"}}),
    ],
)
def test_a_function_is_called_with_what_is_given_alone(
    words: list[str], expected: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("asked.yaml").write_text("{loud: true, times: 3, set: {a.b: 1}}")
    assert VERB.parse(["ann", *words]) == ({"name": "ann"} | expected, False)
    if "--set" not in words and "--titles" not in words:
        assert VERB.parse([*words, "ann"]) == ({"name": "ann"} | expected, False), "words in any order"


def test_json_is_no_argument() -> None:
    assert VERB.parse(["--json", "ann"]) == ({"name": "ann"}, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "NAME must be given"),
        (["ann", "--times", "x"], "--times: expected a whole number, found x"),
        (["ann", "--tims", "1"], "no option --tims; did you mean --times?"),
        (["ann", "--tim=1"], "no option --tim; did you mean --times?"),
        (["ann", "--xqzw"], "no option --xqzw"),
        (["ann", "bob"], "unexpected word 'bob'"),
        (["ann", "--a.b", "3"], "no option --a.b; settings are given by --set a.b=VALUE"),
        (["ann", "--loud=true"], "--loud: ignored explicit argument 'true'"),
        (["ann", "--times"], "--times: expected one argument"),
        (["ann", "--tone", "clod"], "--tone: expected kind or cold, found clod; did you mean cold?"),
        (["ann", "--set", "steps"], "--set: expected name=value, found steps"),
        (["ann", "--config", "odd.yaml"], "odd.yaml: no option tims; did you mean times?"),
        (["ann", "--config", "wrong.yaml"], "wrong.yaml: times: expected a whole number, found x"),
        (["ann", "--config", "broken.yaml"], "in broken.yaml, line 1, column 7"),
        (["ann", "--config", "list.yaml"], "list.yaml: found a list, expected names and settings"),
    ],
)  # fmt: skip
def test_words_that_do_not_fit_are_refused(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("odd.yaml").write_text("tims: 2")
    Path("wrong.yaml").write_text("times: x")
    Path("broken.yaml").write_text("name: [x\n")
    Path("list.yaml").write_text("[a]")
    with pytest.raises((UsageError, RecipeError)) as caught:
        VERB.parse(words)
    assert said in str(caught.value)


def test_what_is_missing_is_named_at_once() -> None:
    with pytest.raises(UsageError, match=r"^NAMES and --out must be given$"):
        Verb(salute, "salute").parse([])
    assert Verb(salute, "salute").parse(["a", "b", "--out", "x"])[0] == {"names": ["a", "b"], "out": Path("x")}


def several() -> None:
    """Do it.

    Example:
        walkprint several --one
        walkprint several --loud --other things \\
            --more   # and why
    """


def test_each_example_has_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        Verb(several, "several").parse(["--help"])  # type: ignore[arg-type]
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "example: walkprint several --one",
        "         walkprint several --loud --other things \\ --more   # and why",
    ]


def test_help_is_the_docstring(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        VERB.parse(["--help"])
    shown = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert lines[0] == "usage: walkprint greet NAME [OPTION ...]"
    assert lines[2:5] == ["Greet a person.", "", "More than once, 100 % sure."]
    assert "NAME of the person. (required)" in lines
    assert "--loud in capitals, which is rude." in lines
    assert "--times INT how often. (default: 1)" in lines
    assert "--tone kind|cold of voice. (default: kind)" in lines
    assert lines[-1] == "example: walkprint greet ann --loud"
    with pytest.raises(SystemExit):
        Verb(salute, "salute").parse(["--help"])
    assert capsys.readouterr().out.startswith("usage: walkprint salute NAMES --out PATH [OPTION ...]\n")
