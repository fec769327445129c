"""`walkprint study`: comparisons of many trainings, cell by cell, to one report."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

from walkprint.cli.process import keep_freed_memory
from walkprint.cli.words import BadWordsError, Summary, carry_out, progress
from walkprint.core.errors import TrainingError
from walkprint.core.share import parse_share
from walkprint.data.prepare import usable_cores
from walkprint.evaluation.page import Page
from walkprint.recipes.protocols import read_protocol
from walkprint.studies import (
    cloth_expansion,
    cloth_expansion_page,
    disentanglement,
    disentanglement_page,
    inter_class,
    inter_class_page,
)
from walkprint.studies.cloth_expansion import ClothExpansionStudy
from walkprint.studies.disentanglement import DisentanglementStudy
from walkprint.studies.grid import Cell, Compute, Numbers, read_cells, run_cells
from walkprint.studies.inter_class import DEFAULT_LOSSES, NETWORKS, InterClassStudy

EXAMPLE = "walkprint study inter-class --out studies/inter-class --quick"


def main(words: Sequence[str]) -> Summary:
    """Carry out the words after `study`."""
    if words and words[0] in ("-h", "--help"):
        listed = "\n".join(f"  {name:<18}{(one.__doc__ or '').splitlines()[0]}" for name, one in STUDIES.items())
        text = f"usage: walkprint study STUDY ... (each has --help)\n\nstudies:\n{listed}\n\nexample: {EXAMPLE}"
        return Summary({"studies": list(STUDIES)}, text)
    known = ", ".join(STUDIES)
    if not words or words[0] not in STUDIES:
        raise BadWordsError(f"unknown study {words[0]!r}; expected one of {known}" if words else f"name one of {known}")
    name, example = words[0], EXAMPLE.replace("inter-class", words[0])
    return carry_out(STUDIES[name], words[1:], example, verb=f"study {name}")


_Preset = Mapping[str, Any] | Callable[[Mapping[str, Any]], Mapping[str, Any]]
_ALONE = {"workers": 1}  # to start processes takes longer than cells this small


def _sized(**presets: _Preset) -> Callable[[Callable[..., Summary]], Callable[..., Summary]]:
    """A study whose flags stand for settings, here and nowhere else; those that are given count more.

    Args:
        presets: flag -> settings, or a function that makes them of what is given; of several flags the first counts.
    """

    def decorate(study: Callable[..., Summary]) -> Callable[..., Summary]:
        @wraps(study)
        def carried_out(**given: Any) -> Summary:
            preset = next((one for flag, one in presets.items() if given.get(flag)), {})
            return study(**{**(preset(given) if callable(preset) else preset), **given})

        return carried_out

    return decorate


@_sized(quick=_ALONE | inter_class.QUICK)
def study_inter_class(
    *,
    out: Path = Path("studies/inter-class"),
    networks: list[str] = list(NETWORKS),  # noqa: B006 - never changed, and readable in the help
    losses: list[str] = list(DEFAULT_LOSSES),  # noqa: B006
    parts: list[str] = ["compare", "subjects"],  # noqa: B006
    seeds: int = 3,
    steps: int = 400,
    subjects: int = 60,
    size_px: int = 32,
    width: int = 16,
    uniformity: float = 0.03,
    real: Path | None = None,
    protocol: Path | None = None,
    street_subjects: int = 200,
    shard: str = "0/1",
    workers: int | None = None,
    quick: bool = False,
    **fixed: Any,
) -> Summary:
    """Which part of the inter-class loss does what, on which network, on rendered people.

    Started again it skips what is finished and goes on with what was stopped. Everything of one comparison has the
    same schedule. About two hours on two cores; larger by --steps, --subjects, --width and --size_px.

    Args:
        out: folder of the study; holds the report study.html, .md, .txt and .json.
        networks: some of GaitSet, GaitPart, GaitGL, GaitBase; the parts "subjects" and "real" take the first.
        losses: some of triplet (the baseline), weighting, uniformity, automatic-margin, margin-form, softmax-form, and
            the controls weighted-triplet, triplet-identity.
        parts: some of compare, subjects (against the number of training subjects), real (tested on real masks).
        seeds: how many; each is other people, other first weights, other batches.
        steps: of each training.
        subjects: rendered people of a seed, the last third of whom test.
        size_px: height of the frames.
        width: channels of the networks' first block.
        uniformity: weight of the uniformity of classes, wherever it takes part.
        real: folder `subject/condition-take/view/*.png` of real masks.
        protocol: YAML file, for them.
        street_subjects: rendered people that the networks for real masks learn from.
        shard: i/n computes the i-th of n shares, from 0, for machines with a common folder.
        workers: processes with one thread each; as many as cores when null.
        quick: all of it tiny, but for options given, to see it run; its figures mean nothing.
        fixed: settings of `InterClassStudy` that are no options.
    """
    settings: dict[str, Any] = {
        "networks": tuple(networks), "losses": tuple(losses), "parts": tuple(parts), "seeds": seeds, "steps": steps,
        "subjects": subjects, "size_px": size_px, "width": width, "uniformity": uniformity, "real": real,
        "street_subjects": street_subjects,
        "protocol": None if protocol is None else read_protocol(protocol),
    }  # fmt: skip
    study = InterClassStudy(**settings | fixed)

    def report(results: Mapping[str, Numbers], failed: Mapping[str, str]) -> Page:
        return inter_class_page.page(study, results, failed, out)

    return _carry_out(study.cells(), inter_class.compute, report, out, shard, workers)


@_sized(quick=lambda given: _ALONE | cloth_expansion.quick(given), large=cloth_expansion.LARGE)
def study_cloth_expansion(
    *,
    out: Path = Path("studies/cloth-expansion"),
    networks: list[str] = list(cloth_expansion.NETWORKS),  # noqa: B006
    variants: list[str] = list(cloth_expansion.DEFAULT_VARIANTS),  # noqa: B006
    parts: list[str] = list(cloth_expansion.PARTS[:4]),  # noqa: B006
    switches: list[str] = list(cloth_expansion.ABLATION),  # noqa: B006
    coats: list[str | int] = list(cloth_expansion.COATS),  # noqa: B006
    rare: str = "2",
    wanted: int = 6,
    seeds: int = 3,
    steps: int = 300,
    generator_steps: int = 600,
    subjects: int = 60,
    frames: int = 6,
    width: int = 8,
    bf16: bool = False,
    generator_widths: list[int] = [24, 48, 64, 96],  # noqa: B006
    generator_settings: dict[str, Any] = {},  # noqa: B006
    real: Path | None = None,
    protocol: Path | None = None,
    shard: str = "0/1",
    workers: int | None = None,
    large: bool = False,
    quick: bool = False,
    **fixed: Any,
) -> Summary:
    """What generated coats bring to recognition, against everything simpler, on rendered people.

    Started again it skips what is finished and goes on with what was stopped. Everything of one comparison has the
    same schedule. About three hours on two cores; larger by --large, or by --steps, --generator_steps,
    --subjects and the widths.

    Args:
        out: folder of the study; holds the report study.html, .md, .txt and .json.
        networks: some of GaitSet, GaitPart, GEINet; ablation and scarcity take the first.
        variants: some of original (the baseline), even-sampling, copying, noise, morphological, acgan, reacgan, bagan,
            bagan-gp, ae-guided, ae-guided-covering (laid over its sources); and, with recorded coats instead, recorded
            and recorded-fresh (each take another one).
        parts: some of ssim, recognition, ablation, scarcity, real (every network of recognition, on real masks).
        switches: of the ablation of the AE-guided GAN.
        coats: takes in a coat of a training subject, of the part scarcity: some of 2, 1, half, quarter, eighth (two, of
            that part of the subjects).
        rare: the same of all other parts.
        wanted: takes in a coat after expansion, those recorded included.
        seeds: how many; each is other people, other first weights, other batches.
        steps: of each recognizer.
        generator_steps: of each generator.
        subjects: rendered people of a seed, the last third of whom test.
        frames: of a training clip.
        width: channels of the recognizers' first block.
        bf16: train the recognizers in bfloat16, about twice as fast on most processors.
        generator_widths: channels of the generators at 32, 16, 8 and 4 pixels.
        generator_settings: settings of the AE-guided GAN other than those of the study.
        real: folder `subject/condition-take/view/*.png` of real masks.
        protocol: YAML file, for them.
        shard: i/n computes the i-th of n shares, from 0, for machines with a common folder.
        workers: processes with one thread each; as many as cores when null.
        large: sized for a GPU, but for options given: 124 people, eleven views, published widths, trainings thirty
            times as long.
        quick: all of it tiny, but for options given, to see it run; its figures mean nothing.
        fixed: settings of `ClothExpansionStudy` that are no options.
    """
    settings: dict[str, Any] = {
        "networks": tuple(networks), "variants": tuple(variants), "parts": tuple(parts), "switches": tuple(switches),
        "coats": tuple(map(str, coats)), "rare": rare, "wanted": wanted, "seeds": seeds, "steps": steps,
        "generator_steps": generator_steps, "subjects": subjects, "frames": frames, "width": width,
        "bf16": bf16, "generator_widths": tuple(generator_widths), "generator_settings": dict(generator_settings),
        "real": real, "protocol": None if protocol is None else read_protocol(protocol),
    }  # fmt: skip
    study = ClothExpansionStudy(**settings | fixed)

    def report(results: Mapping[str, Numbers], failed: Mapping[str, str]) -> Page:
        return cloth_expansion_page.page(study, results, failed, out)

    return _carry_out(study.cells(), cloth_expansion.compute, report, out, shard, workers)


@_sized(quick=_ALONE | disentanglement.QUICK)
def study_disentanglement(
    *,
    out: Path = Path("studies/disentanglement"),
    variants: list[str] = list(disentanglement.VARIANTS),  # noqa: B006
    others: list[str] = list(disentanglement.OTHERS),  # noqa: B006
    parts: list[str] = list(disentanglement.PARTS),  # noqa: B006
    seeds: int = 3,
    steps: int = 600,
    subjects: int = 150,
    width: int = 16,
    shard: str = "0/1",
    workers: int | None = None,
    quick: bool = False,
    **fixed: Any,
) -> Summary:
    """What GaitNet's codes hold, what each of its losses does, and how it compares, on rendered people.

    Started again it skips what is finished and goes on with what was stopped. Some hour on two cores.

    Args:
        out: folder of the study; holds the report study.html, .md, .txt and .json.
        variants: some of full, last output, even weights, no reconstruction, no similarity, no identity, no canonical.
        others: some of GaitNet on silhouettes, GaitSet, GaitBase, GEINet.
        parts: some of ablation, networks, frontal (people before FVG's camera).
        seeds: how many; each is other people, other first weights, other batches.
        steps: of each training.
        subjects: rendered people of a seed, the last third of whom test.
        width: channels of the networks' first block.
        shard: i/n computes the i-th of n shares, from 0, for machines with a common folder.
        workers: processes with one thread each; as many as cores when null.
        quick: all of it tiny, but for options given, to see it run; its figures mean nothing.
        fixed: settings of `DisentanglementStudy` that are no options.
    """
    settings: dict[str, Any] = {
        "variants": tuple(variants), "others": tuple(others), "parts": tuple(parts), "seeds": seeds, "steps": steps,
        "subjects": subjects, "width": width,
    }  # fmt: skip
    study = DisentanglementStudy(**settings | fixed)

    def report(results: Mapping[str, Numbers], failed: Mapping[str, str]) -> Page:
        return disentanglement_page.page(study, results, failed, out)

    return _carry_out(study.cells(), disentanglement.compute, report, out, shard, workers)


STUDIES: dict[str, Callable[..., Summary]] = {
    "inter-class": study_inter_class,
    "cloth-expansion": study_cloth_expansion,
    "disentanglement": study_disentanglement,
}


def _carry_out(
    cells: Sequence[Cell],
    compute: Compute,
    report: Callable[[Mapping[str, Numbers], Mapping[str, str]], Page],
    out: Path,
    shard: str,
    workers: int | None,
) -> Summary:
    with progress("study") as tell:
        failed = run_cells(
            cells,
            compute,
            out,
            share=parse_share(shard),
            workers=usable_cores() if workers is None else workers,
            start_worker=keep_freed_memory,
            progress=tell,
        )
    results = read_cells(cells, out)
    page = report(results, failed)
    saved = page.save(out)
    if failed:
        name, why = next(iter(failed.items()))
        raise TrainingError(
            f"{len(failed)} of {len(cells)} cells failed; {name}: {why} (the report of the others: {saved})"
        )
    numbers = {"report": str(saved), "finished": len(results), "cells": len(cells), "synthetic": True}
    tables = [{"title": one.title, "lines": [list(line) for line in one.lines]} for one in page.tables]
    return Summary({**numbers, "tables": tables}, f"{page.to_text()}\nReport: {saved.resolve()}")
