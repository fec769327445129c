"""Studies by name or by file: their settings, the computation of their cells, their report.

The module loads nothing heavy, so that an unknown name or a missing file is refused at once.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from walkprint.core.errors import RecipeError, TrainingError
from walkprint.core.progress import Progress
from walkprint.core.share import Share
from walkprint.core.spelling import did_you_mean
from walkprint.recipes.library import bundled, find_file

if TYPE_CHECKING:
    from walkprint.core.engine import Engine
    from walkprint.evaluation.page import Page

STUDIES = {
    "inter-class": "InterClassStudy",
    "cloth-expansion": "ClothExpansionStudy",
    "disentanglement": "DisentanglementStudy",
    "fine-tuning": "FineTuningStudy",
}


@dataclass(frozen=True, slots=True)
class Result:
    """What a study found.

    Attributes:
        page: the report.
        saved: where it lies.
        finished, cells: how many.
    """

    page: "Page"
    saved: Path
    finished: int
    cells: int


def find_study(source: str, settings: Mapping[str, Any], *, quick: bool = False) -> tuple[str, dict[str, Any]]:
    """The name of a study, and its settings.

    Args:
        source: a name of `STUDIES`; or a YAML file, by path or bundled name, that holds `study`, a name, and settings.
        settings: count more than those of the file; `protocol` is a file too.
        quick: leave out the amounts in the file that `build_study` makes tiny.

    Raises:
        RecipeError: there is no such study, or a file is not there.
    """
    from walkprint.recipes.settings import read_settings

    plain: dict[str, Any] = {}
    name = source
    if source not in STUDIES:
        files = [one for one in bundled() if one.startswith("studies/")]
        if not Path(source).is_file() and source not in files:
            known = [*STUDIES, *files]
            raise RecipeError(
                f"no study {source!r}; expected {', '.join(known)} or a file{did_you_mean(source, known)}"
            )
        plain = read_settings(source)
        name = str(plain.pop("study", None))
        if name not in STUDIES:
            raise RecipeError(f"{source}: study is {name!r}; expected {' or '.join(STUDIES)}")
        tiny = _module(name).QUICK if quick else {}
        plain = {setting: value for setting, value in plain.items() if not _amount(tiny.get(setting))}
    plain |= settings
    if plain.get("protocol") is not None:
        plain["protocol"] = find_file(plain["protocol"])
    return name, plain


def build_study(name: str, settings: Mapping[str, Any], *, quick: bool = False, large: bool = False) -> Any:
    """A study of its settings.

    Args:
        name: one of `STUDIES`.
        settings: as of `find_study`; they count more than what `quick` and `large` stand for.
        quick: all of it tiny.
        large: sized for a GPU.

    Raises:
        RecipeError: a setting is unknown or wrong, or the study has no large size.
    """
    from walkprint.recipes.classes import typed_settings
    from walkprint.recipes.protocols import read_protocol

    module = _module(name)
    kind, plain = getattr(module, STUDIES[name]), dict(settings)
    protocol = plain.pop("protocol", None)
    given = typed_settings(kind, plain)
    if protocol is not None:
        given["protocol"] = read_protocol(Path(protocol))
    if large and not quick and not hasattr(module, "LARGE"):
        raise RecipeError(f"study {name}: has no large size; set its settings")
    preset = {} if not quick else module.quick(given) if hasattr(module, "quick") else module.QUICK
    return kind(**{**(module.LARGE if large and not quick else preset), **given})


def run_study(
    name: str,
    study: Any,
    out: Path,
    *,
    share: Share = (0, 1),
    workers: int | None = None,
    engine: "Engine" = None,
    start_worker: Callable[[], object] | None = None,
    progress: Progress | None = None,
) -> Result:
    """Compute the cells of a study that are missing, and write its report.

    Args:
        name: one of `STUDIES`.
        study: its settings, see `build_study`.
        out: its folder.
        share, workers, engine, start_worker, progress: see `run_cells`.

    Raises:
        TrainingError: cells failed; the report of the others is written.
    """
    from walkprint.studies.grid import read_cells, run_cells

    cells = study.cells()
    failed = run_cells(
        cells, _module(name).compute, out, share=share, workers=workers, engine=engine, start_worker=start_worker,
        progress=progress,
    )  # fmt: skip
    results = read_cells(cells, out)
    page = importlib.import_module(f"{_module(name).__name__}_page").page(study, results, failed, out)
    saved = page.save(out)
    if failed:
        cell, why = next(iter(failed.items()))
        raise TrainingError(
            f"{len(failed)} of {len(cells)} cells failed; {cell}: {why} (the report of the others: {saved})"
        )
    return Result(page, saved, len(results), len(cells))


def _amount(value: Any) -> bool:
    """A number or several."""
    return isinstance(value, int | float) or (isinstance(value, tuple) and all(map(_amount, value)))


def _module(name: str) -> Any:
    return importlib.import_module(f"walkprint.studies.{name.replace('-', '_')}")
