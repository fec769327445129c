"""`walkprint study`: comparisons of many trainings, cell by cell, to one report."""

from pathlib import Path
from typing import Any

from walkprint.core.engine import Machines, one_unless_asked
from walkprint.core.files import check_there
from walkprint.core.progress import progress
from walkprint.core.share import parse_share
from walkprint.core.summary import Summary


def study(
    study: str,
    *,
    set: dict[str, Any] | None = None,
    out: Path | None = None,
    share: str = "0/1",
    machines: Machines,
    quick: bool = False,
    large: bool = False,
) -> Summary:
    """Compare many trainings in one report: tables with paired differences.

    inter-class: the effect of each part of the inter-class loss, on several networks. cloth-expansion: the gain by
    generated coats, compared with simpler baselines. disentanglement: what GaitNet's codes hold, and the effect of each
    of its losses. fine-tuning: the gain by a few real people added to rendered ones. If a study is stopped, the same
    command resumes it. A study takes hours on two cores.

    Args:
        study: inter-class, cloth-expansion, disentanglement or fine-tuning; or a YAML file of one with its settings,
            by path or bundled name, e.g. studies/rare_coats.
        set: settings, e.g. seeds=5 'sections=[compare]'; `walkprint explain` lists those of InterClassStudy,
            ClothExpansionStudy, DisentanglementStudy and FineTuningStudy.
        out: folder of the study; holds the report study.html, .md, .txt and .json; studies/NAME by default.
        share: i/n computes share i of n, counted from 0; for arrays of Slurm jobs with a common folder.
        machines: where work is done; with --quick one process by default.
        quick: make everything tiny, except for what `set` gives, to check that it runs; the figures mean nothing.
        large: make everything the size for a GPU, except for what `set` gives; only cloth-expansion.

    Example:
        walkprint study inter-class --out studies/inter-class --quick
    """
    from walkprint.studies.run import build_study, find_study, run_study

    name, given = find_study(study, set or {}, quick=quick)
    mine = parse_share(share)
    check_there(*(Path(given[one]) for one in ("real", "store") if given.get(one) is not None))
    from walkprint.cli.process import worker_start
    from walkprint.studies.recorded_people import recorded_people

    plan = build_study(name, given, quick=quick, large=large)
    # Processes start more slowly than cells this small.
    workers = one_unless_asked(machines.workers, machines.chosen) if quick else machines.workers
    with progress("study") as on_progress:
        folder = out or Path("studies") / name
        found = run_study(
            name, plan, folder, share=mine, workers=workers, engine=machines.chosen, start_worker=worker_start(),
            progress=on_progress,
        )  # fmt: skip
    numbers = {"report": str(found.saved), "finished": found.finished, "cells": found.cells}
    store = getattr(plan, "store", None)
    numbers["synthetic"] = getattr(plan, "real", None) is None and (store is None or recorded_people(store).rendered)
    tables = [{"title": one.title, "lines": [list(line) for line in one.lines]} for one in found.page.tables]
    return Summary({**numbers, "tables": tables}, f"{found.page.to_text()}\nReport: {found.saved}")
