"""Cells are computed once, by whom it may be; what they share is made once; other settings are refused."""

import json
import os
import threading
import time
from pathlib import Path

import pytest

from walkprint.core.errors import DataError, RecipeError
from walkprint.studies.grid import Cell, digest, made_once, read_cells, run_cells

CELLS = [Cell(f"cell-{i}", {"number": i, "sizes": (1, 2)}) for i in range(4)]


def square(cell: Cell, out: Path) -> dict[str, int]:
    """Notes who was computed, beside the numbers."""
    shared = out / "shared" / "made.txt"

    def make() -> None:
        shared.parent.mkdir()
        (out / "made-by.txt").open("a").write(f"{os.getpid()}\n")
        shared.write_text("x")

    made_once(shared, make)
    with (out / "computed.txt").open("a") as file:
        file.write(f"{cell.name}\n")
    if cell.settings["number"] < 0:
        raise RecipeError("a negative\nnumber")
    return {"square": cell.settings["number"] ** 2, "process": os.getpid()}


def computed(out: Path) -> list[str]:
    return (out / "computed.txt").read_text().split()


def test_cells_are_computed_once(tmp_path):
    assert run_cells(CELLS[:2], square, tmp_path) == {}
    assert computed(tmp_path) == ["cell-0", "cell-1"]
    told = []
    assert run_cells(CELLS, square, tmp_path, progress=lambda *numbers: told.append(numbers)) == {}
    assert computed(tmp_path) == [cell.name for cell in CELLS]
    assert told == [(3, 4), (4, 4)]
    assert [one["square"] for one in read_cells(CELLS, tmp_path).values()] == [0, 1, 4, 9]
    assert json.loads((tmp_path / "cells" / "cell-3.json").read_text())["settings"] == {"number": 3, "sizes": [1, 2]}


def test_processes_share_the_work_and_what_is_made_once(tmp_path):
    assert run_cells(CELLS, square, tmp_path, workers=2) == {}
    found = read_cells(CELLS, tmp_path)
    assert {one["process"] for one in found.values()}.isdisjoint({os.getpid()})
    assert len((tmp_path / "made-by.txt").read_text().split()) == 1
    assert sorted(computed(tmp_path)) == [cell.name for cell in CELLS]


def test_shards_share_the_cells(tmp_path):
    run_cells(CELLS, square, tmp_path, share=(1, 2))
    assert computed(tmp_path) == ["cell-1", "cell-3"]
    run_cells(CELLS, square, tmp_path, share=(0, 2))
    assert len(read_cells(CELLS, tmp_path)) == 4


def test_a_failure_keeps_nobody_from_anything(tmp_path):
    cells = [Cell("bad", {"number": -1}), *CELLS]
    assert run_cells(cells, square, tmp_path) == {"bad": "a negative number"}
    assert list(read_cells(cells, tmp_path)) == [cell.name for cell in CELLS]


def nothing_finite(cell: Cell, out: Path) -> dict[str, float]:
    return {"accuracy": float("nan") if cell.settings["number"] == 1 else 0.5}


def test_figures_that_are_not_finite_are_a_failure_and_keep_nobody_from_anything(tmp_path):
    assert run_cells(CELLS, nothing_finite, tmp_path) == {"cell-1": "a figure is not finite; nothing was stored"}
    assert list(read_cells(CELLS, tmp_path)) == ["cell-0", "cell-2", "cell-3"]


def out_of_range(cell: Cell, out: Path) -> dict[str, float]:
    return {"number": [0.0, 1.0][cell.settings["number"]]}


def test_a_fault_is_a_failure_and_its_trace_is_kept(tmp_path):
    failed = run_cells(CELLS, out_of_range, tmp_path)
    assert sorted(failed) == ["cell-2", "cell-3"]
    assert failed["cell-2"].startswith("IndexError: list index out of range")
    assert "out_of_range" in (tmp_path / "cells" / "log.txt").read_text()
    assert list(read_cells(CELLS, tmp_path)) == ["cell-0", "cell-1"]


def test_cells_of_an_earlier_version_still_count(tmp_path):
    cell = Cell("cell", {"section": "ssim", "number": 3, "sizes": [1, 2]})
    run_cells([cell], square, tmp_path)
    file = tmp_path / "cells" / "cell.json"
    file.write_text(file.read_text().replace('"section"', '"part"'))
    assert "cell" in read_cells([cell], tmp_path)


def test_other_settings_are_refused(tmp_path):
    run_cells(CELLS, square, tmp_path)
    changed = [*CELLS[:3], Cell("cell-3", {"number": 5, "sizes": (1, 2)})]
    with pytest.raises(DataError, match=r"cell-3.json: computed with other settings .number: 3 before, 5 now.; choose"):
        run_cells(changed, square, tmp_path)


def test_a_damaged_cell_is_named(tmp_path):
    run_cells(CELLS, square, tmp_path)
    (tmp_path / "cells" / "cell-2.json").write_text("{")
    with pytest.raises(DataError, match=r"cell-2.json: cannot be read"):
        read_cells(CELLS, tmp_path)


@pytest.mark.parametrize("options", [{"workers": 0}, {"share": (2, 2)}, {"share": (-1, 2)}])
def test_settings_out_of_range_are_refused(tmp_path, options):
    with pytest.raises(RecipeError, match="expected"):
        run_cells(CELLS, square, tmp_path, **options)


def test_names_must_differ(tmp_path):
    with pytest.raises(RecipeError, match="one name"):
        run_cells([CELLS[0], CELLS[0]], square, tmp_path)


def test_others_wait_for_what_is_being_made(tmp_path):
    made = []

    def make() -> None:
        time.sleep(0.2)
        (tmp_path / "thing").mkdir()
        (tmp_path / "thing" / "done").touch()
        made.append(1)

    threads = [threading.Thread(target=made_once, args=(tmp_path / "thing" / "done", make)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]


def test_digests_tell_settings_apart():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 3})
