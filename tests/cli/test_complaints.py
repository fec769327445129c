"""What the parser complains about reaches people in words, without its types."""

from pathlib import Path

import pytest
from jsonargparse import ArgumentParser

from walkprint.cli import main
from walkprint.cli.words import BadWordsError, parse

EVALUATE = ["evaluate", "--embeddings", "e.npz"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["prepare", "GaitDataset", "--out", "x"], "data: GaitDataset stands for all of them; name one: CasiaB, "),
        (["prepare", "Foldr", "--out", "x"], "data: no class Foldr; did you mean Folder?; see"),
        (["prepare", "Folder", "--out", "x"], "data: Folder: the following arguments are required: root; see"),
        ([*EVALUATE, "--metric", "cosin"], "metric: expected euclidean or cosine, found cosin; did you mean cosine?"),
        ([*EVALUATE, "--metric", "xqzw"], "metric: expected euclidean or cosine, found xqzw; see"),
        ([*EVALUATE, "--resamples", "some"], "resamples: expected a whole number, found some; see"),
    ],
)
def test_a_complaint_is_in_words(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert capsys.readouterr().err.startswith(f"walkprint: error: {said}")


def test_the_members_of_a_family_are_those_that_can_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", "GaitDataset", "--out", "x"]) == 2
    error = capsys.readouterr().err
    assert "Folder" in error
    assert "GaitDataset" not in error.partition("name one:")[2]
    assert "TreeDataset" not in error


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (int | None, "it: expected a whole number, found x"),
        (list[int] | int, "it: expected a list such as [a,b] or a whole number, found x"),
    ],
)
def test_one_of_several_kinds(kind: type, said: str) -> None:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--it", type=kind)
    with pytest.raises(BadWordsError) as caught:
        parse(parser, ["--it", "x"])
    assert str(caught.value) == said


@pytest.mark.parametrize("words", [["train", "bad.yaml", "--run", "x"], ["evaluate", "--config=bad.yaml"]])
def test_a_broken_file_is_named(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.yaml").write_text("name: [x\n")
    assert main(words) == 2
    error = capsys.readouterr().err
    assert "in bad.yaml, line 1, column 7" in error
    assert "<unicode string>" not in error
