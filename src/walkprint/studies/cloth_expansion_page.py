"""The report of the cloth study: how good generated coats are, and what they bring to recognition."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from walkprint.data.store import META_NAME, Store
from walkprint.evaluation.coat_measures import THICKNESS_EDGES_PX
from walkprint.evaluation.page import Diagram, Page, Sheet, Table
from walkprint.studies.cloth_expansion import ClothExpansionStudy
from walkprint.studies.cloth_variants import BASELINE, COVERING, EVEN, GUIDED, HALLUCINATED, JOINED, is_whitened
from walkprint.studies.comparison import Outcomes, difference_table, gap_table, mean_table, outcomes_of, real_tables
from walkprint.studies.expansion import REALISTIC, RECORDED, SHARES, WHITENED, comparison_sheet, expanded_store
from walkprint.studies.grid import Cell, Numbers
from walkprint.studies.recorded_people import recorded_people
from walkprint.studies.study_page import SETS, cells_of, study_page
from walkprint.studies.turning_points import gains_by_number, gains_diagram, turning_table

_LEAD = (
    "Few takes in a coat become many: do generated ones help to recognize rendered people that no network ever saw? "
    "Synthetic figures; they compare methods and say nothing about accuracy on real people."
)
_RECORDED_LEAD = (
    "Few takes in a coat become many: do generated ones help to recognize people that no network ever saw? Recorded "
    "people, most of whose coats were left out of training. Every seed trains and tests the same people."
)
_RENDERED_STORE = " Those of this store were rendered: synthetic figures."
_MEASURES = (
    "Each figure of generated takes, and in brackets that of recordings, at which to aim. Usable: percent of frames "
    "that hold together. Quality: SSIM to the nearest "
    "recorded frame of the same person, condition and view. Diversity: SSIM of frames of two takes. Novelty: SSIM to "
    "the nearest training frame; 1 is a copy. Smoothness: change from frame to frame. Identity kept: rank-1 against "
    "normal walking of all training subjects, by a recognizer trained on the recordings, and condition reached, by a "
    "classifier of frames that learned the test people's coats: both in percent. Frechet distance of that recognizer's "
    "embeddings. Memorized: percent of frames nearer to a training recording, other than the normal walk that each was "
    "made from, than 95 percent of the frames of new recordings of the same people in a coat are. Identity, no coat "
    "seen: as identity kept, by a recognizer that learned from normal walking alone. All but memorized of the people "
    "who were recorded in a coat, or, if nothing was made for them, of all others, without identity; of others: of all "
    "other people, in brackets what would have been recorded of them. Means over seeds."
)
_GAP = "Share of the gap to recorded coats that is closed"
_SHARES_OF_TAKES = {
    "usable", "identity kept", "identity of others", "identity, no coat seen", "identity of others, no coat seen",
    "condition reached", "memorized",
}  # fmt: skip
_THICKNESS = (
    "Rows between neck and shins, against the normal frame that each was made from. Rendered: the same steps in the "
    "person's own coat, which rendering knows. Apart: distance of the two distributions. Makers whose frames do not "
    "follow normal walking are missing."
)


def page(study: ClothExpansionStudy, results: Mapping[str, Numbers], failed: Mapping[str, str], out: Path) -> Page:
    """The report of what is finished.

    Args:
        study: its settings.
        results: numbers by cell.
        failed: why a cell could not be computed, by cell.
        out: the study's folder, where the pictures come from.
    """
    by_section = cells_of(study, results)
    found = {section: outcomes_of(some, results, _row) for section, some in by_section.items()}
    tables, diagrams, same = list[Table](), list[Diagram](), study.store is not None
    against = partial(difference_table, figure="rank-1", sets=SETS, same_people=same)
    if made := found.get("ssim"):
        tables.append(_measures_table("How good the generated coats are", made))
        tables.append(_thickness_table(made))
    if recognized := found.get("recognition"):
        tables += _recognition_tables(study, recognized)
    if ablated := found.get("ablation"):
        tables += [
            _measures_table("Ablation of the AE-guided GAN: the coats", ablated),
            mean_table("Ablation of the AE-guided GAN: rank-1", ablated, "rank-1", SETS),
            against(f"Ablation: rank-1 against {GUIDED}", ablated, GUIDED),
        ]
    if scarce := found.get("scarcity"):
        title = "Scarcity: rank-1 by the number of takes in a coat"
        tables += [
            mean_table(title, scarce, "rank-1", SETS),
            against(f"{title}, against {BASELINE}", scarce, BASELINE, overall=False),
        ]
        by_coats = outcomes_of(by_section["scarcity"], results, lambda one: (one["coats"], one["variant"]))
        for name in ("CL", "NM"):
            gains = gains_by_number(by_coats, study.recorded_coats(), BASELINE, name)
            about = f"{name} against {BASELINE}, by the number of recorded coats"
            tables.append(turning_table(about, gains))
            diagrams += [gains_diagram(about, gains)] if gains else []
    if real := found.get("real"):
        assert study.protocol is not None
        tables += real_tables(real, study.protocol, BASELINE)
    return study_page(
        study,
        "Study of filling a rare condition",
        _lead(study),
        results,
        failed,
        tables=tables,
        diagrams=diagrams,
        sheets=_sheets(by_section, out),
        notes=_notes(study),
        same_people=same,
    )


def _recognition_tables(study: ClothExpansionStudy, recognized: Outcomes) -> list[Table]:
    same, guided = study.store is not None, GUIDED if GUIDED in study.variants else COVERING
    against = partial(difference_table, figure="rank-1", sets=SETS, same_people=same)
    tables = [
        against(f"Rank-1 against {BASELINE}", recognized, BASELINE),
        against(f"Rank-1 of the others against {guided}", recognized, guided),
        gap_table(_GAP, recognized, BASELINE, "recorded", "CL", same_people=same),
        mean_table("Rank-1, identical view excluded", recognized, "rank-1", SETS),
        mean_table("Verification: EER", recognized, "EER", SETS),
    ]
    white = {key: one for key, one in recognized.items() if is_whitened(key[1])}
    if len(variants := {variant for _, variant in white}) > 1 and "whitened" in variants:
        shares = gap_table(f"{_GAP}, all whitened", white, "whitened", "recorded-whitened", "CL", same_people=same)
        tables += [against("All whitened: rank-1 against whitened", white, "whitened"), shares]
    return tables


def _lead(study: ClothExpansionStudy) -> str:
    if study.store is None:
        return _LEAD
    return _RECORDED_LEAD + (_RENDERED_STORE if recorded_people(study.store).rendered else "")


def _row(settings: Mapping[str, Any]) -> tuple[str, str]:
    scarce = settings["section"] == "scarcity"
    recorded = "store" in settings["data"]["people"]
    return coats_in_words(settings["coats"], recorded) if scarce else settings["network"], settings["variant"]


def coats_in_words(coats: str, recorded: bool = False) -> str:
    """What training subjects have of coats, as a row is called; of people in a store all that they were recorded in."""
    takes = "all takes" if recorded else "two takes"
    words = {
        "2": takes,
        "1": "one take",
        "half": f"{takes} of half of the people",
        REALISTIC: f"{takes} of half of the people, who are seen from the front alone",
    }
    return words.get(coats, f"{takes} of one {coats} of the people")


def _measures_table(title: str, outcomes: Outcomes) -> Table:
    rows = {
        variant: [one["measures"] for one in by_seed.values() if "measures" in one]
        for (_, variant), by_seed in outcomes.items()
    }
    names = list(dict.fromkeys(name for some in rows.values() for one in some for name in one))
    lines = [["made by", *names]]
    for variant, some in rows.items():
        if some:
            lines.append([variant, *(_figure(name, [one[name] for one in some if name in one]) for name in names)])
    return Table(title, lines, _MEASURES)


def _thickness_table(outcomes: Outcomes) -> Table:
    low = THICKNESS_EDGES_PX
    bins = [f"below {low[0]}", *(f"{a} to {b - 1}" for a, b in pairwise(low)), f"{low[-1]} and more"]
    lines, known = [["made by", *bins, "mean, px", "apart, px"]], list[Numbers]()
    for (_, variant), by_seed in outcomes.items():
        if found := [one["thickness"] for one in by_seed.values() if one.get("thickness")]:
            known = known or found
            shares = np.mean([one["generated"] for one in found], axis=0)
            rest = (np.mean([one["mean"][0] for one in found]), np.mean([one["apart"] for one in found]))
            lines.append([variant, *(f"{100 * share:.0f}" for share in shares), *(f"{one:.2f}" for one in rest)])
    if known:
        shares, mean = (np.mean([one[name] for one in known], axis=0) for name in ("known", "mean"))
        lines.append(["rendered", *(f"{100 * share:.0f}" for share in shares), f"{mean[1]:.2f}", ""])
    return Table("Thickness of the coats, percent of rows by pixels added to the width", lines, _THICKNESS)


def _figure(name: str, pairs: Sequence[Sequence[float | None]]) -> str:
    """A mean of generated takes, in brackets that of recordings."""
    share = name in _SHARES_OF_TAKES
    means = [np.mean(known) if (known := [one for one in side if one is not None]) else None
             for side in zip(*pairs, strict=True)]  # fmt: skip
    shown = ["-" if mean is None else f"{100 * mean:.1f}" if share else f"{mean:.3f}" for mean in means]
    return f"{shown[0]} ({shown[1]})" if len(shown) > 1 and means[1] is not None else "".join(shown[:1]) or "-"


def _sheets(by_section: Mapping[str, Sequence[Cell]], out: Path) -> list[Sheet]:
    sheets = []
    for section in ("ssim", "ablation"):
        cells = [cell for cell in by_section.get(section, ()) if cell.settings["seed"] == 0]
        stores = {cell.settings["variant"]: expanded_store(cell.settings["data"], out) for cell in cells}
        there = {name: Store.open(path) for name, path in stores.items() if (path / META_NAME).is_file()}
        rows, png = comparison_sheet(there)
        if rows:
            title = f"{', '.join(rows)}: the same people, with frames whose legs are nearest to the normal walk's"
            sheets.append(Sheet(title, png))
    return sheets


def _notes(study: ClothExpansionStudy) -> list[str]:
    pairs: list[tuple[str, str]] = []
    if {"recognition", "real"} & set(study.sections):
        pairs += [(network, variant) for network in study.networks for variant in study.variants]
    if "scarcity" in study.sections:
        pairs += [(study.networks[0], variant) for variant in study.variants]
    if "ablation" in study.sections:
        pairs += [(study.networks[0], switch) for switch in study.switches]
    skipped = [
        f"{network} has no triplet loss, which {variant} replaces: left out."
        if variant == HALLUCINATED
        else f"{network} needs the order of frames, which {variant} does not give: left out."
        for network, variant in dict.fromkeys(pairs)
        if not study.fits(variant, network)
    ]
    recorded = study.store is not None
    more = (
        "recorded: the takes in a coat that were left out"
        if recorded
        else f"{', '.join(RECORDED)}: as many recorded (rendered) coats, the person's own or another one in every take"
    )
    people = "; all train and test the same people" if recorded else ", and other people"
    notes = [
        f"{BASELINE}: {'all' if recorded else 'six'} takes of normal walking of each training subject, and in a coat "
        f"{coats_in_words(study.rare, recorded)}; {EVEN}: the same, but a batch takes as many coats as normal takes; "
        f"{HALLUCINATED}: the same as {EVEN}, with `HallucinatedTripletLoss` in place of the triplet loss; "
        f"all others: {study.wanted} takes in a coat, less those whose every frame fell to pieces, and for copying and "
        "noise of those alone who have coats to copy. No bag is ever trained.",
        f"{more}, instead of generated ones; nothing is generated there.",
        f"{', '.join(WHITENED)}: the recognizer of {BASELINE}, its distances whitened by the training people's walks; "
        "with feature-transport, coats are made among these features from the directions of the people who have some. "
        "Variants that end in -whitened: the recognizer of the variant, its distances whitened likewise, generated "
        "takes included.",
        f"{GUIDED} draws a coat once for a take; generators without order draw it anew for each frame. {JOINED}: takes "
        "by the one and by the other in turn.",
        f"{study.seeds} seeds; a seed is other first weights and other batches{people}. Recognizers are narrow "
        f"and trained for {study.steps} steps, generators for {study.generator_steps} (discriminators of "
        "ReACGAN twice, of BAGAN-GP five times as often).",
        f"{GUIDED} has higher learning rates than its class, found in trials on rendered people; the others have those "
        "of their classes, so that a part of its lead may be tuning.",
        *skipped,
    ]
    if study.generator_settings:
        given = ", ".join(f"{name} {value}" for name, value in study.generator_settings.items())
        notes.append(f"{GUIDED} alone has other settings than usual in this study: {given}.")
    if study.rare in SHARES and {"ssim", "ablation"} & set(study.sections):
        wearers = study.wearers(study.rare)
        notes.append(f"What is measured of the coats rests on the {wearers} training subjects who have recorded ones.")
    return notes
