"""The steps from files to files, called in Python by text as well as by paths; their refusals name arguments."""

from pathlib import Path

import pytest

from walkprint import recipes
from walkprint.core.engine import Machines
from walkprint.core.errors import ArgumentError, DataError
from walkprint.data.prepare import prepare
from walkprint.data.walkers import Walkers
from walkprint.recipes import embed_to_file, evaluate_files, expand_to_store, segment_to_store
from walkprint.recipes.evaluation import Compared


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    people = Walkers(subjects=4, train=2, views=("072", "108"), takes={"nm": 6, "cl": 1}, frames=6, size_px=32)
    return str(prepare(people, tmp_path_factory.mktemp("steps") / "store", workers=1).root)


@pytest.mark.parametrize("name", recipes.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(recipes, name).__name__ == name


def test_from_a_store_to_figures(store: str, tmp_path: Path) -> None:
    more = expand_to_store(data=store, expander="Copying", wanted={"cl": 4}, out=str(tmp_path / "more"))
    assert more.numbers["sequences"] == 2 * 2 * 3
    file = str(tmp_path / "mine.npz")
    made = embed_to_file(energy_image=True, data=str(tmp_path / "more"), out=file)
    assert str(made).startswith(f"{file}: ")
    assert "walkprint" not in str(made), "the next command is the command's to name"
    said = evaluate_files(embeddings=[file], compared=Compared(metric="cosine", resamples=0), out=str(tmp_path / "out"))
    assert said.numbers["identification"]["settings"]["scoring"]["metric"] == "cosine"
    assert (tmp_path / "out" / "report.html").is_file()


def test_refusals_name_arguments(store: str, tmp_path: Path) -> None:
    for call, said in (
        (lambda: embed_to_file(out="e.npz"), "give `run`, or `energy_image` together with `data`"),
        (lambda: embed_to_file(run="street", out="e.npz"), "name a store by `data`"),
        (lambda: embed_to_file(run="street", data=store, set={"size": 1}, out="e.npz"), "`set` size: expected data"),
        (lambda: expand_to_store(wanted={"cl": 4}, out="s"), "give `data`, or `run` without `expander`"),
        (lambda: expand_to_store(data=store, expander="Copying", bf16=True, wanted={"cl": 4}, out="s"), "`bf16`: only"),
        (
            lambda: expand_to_store(
                data=store, expander="Copying", device="cuda", machines=Machines(workers=2), wanted={}, out="s"
            ),
            "`device`: several processes",
        ),
        (lambda: evaluate_files(embeddings=["e.npz"], pictures=[store]), "`pictures` needs `out`"),
    ):  # fmt: skip
        with pytest.raises(ArgumentError) as caught:
            call()
        assert said in str(caught.value)
        assert "--" not in str(caught.value)
    with pytest.raises(DataError, match=r"none\.mp4: no such file or folder"):
        segment_to_store(["none.mp4"], out=tmp_path / "s")
    with pytest.raises(DataError, match=r"none\.npz: no such file or folder; make it with `embed`"):
        evaluate_files(embeddings=["none.npz"])
