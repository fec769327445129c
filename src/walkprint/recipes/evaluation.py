"""From files of embeddings to figures in one call; `walkprint evaluate`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from walkprint.core.bounds import Checked, Count, CountOrZero, OpenFraction, Seed
from walkprint.core.errors import ArgumentError
from walkprint.core.files import check_there
from walkprint.core.progress import progress
from walkprint.core.summary import Summary
from walkprint.recipes.library import find_file, find_trained

if TYPE_CHECKING:
    from walkprint.core.embedding import EmbeddingSet
    from walkprint.evaluation import Scoring


@dataclass(frozen=True, kw_only=True)
class Compared(Checked):
    """How sequences are compared.

    Attributes:
        metric: distance between two parts.
        normalize: scale each part to unit length first, so that all have equal weight; often better across data sets.
        center: shift gallery and each probe set to mean zero; uses statistics of the whole probe set, so it does not
            suit single probes.
        whitening: use the whitening of this network: its folder, or the name of a bundled one such as street-large.
        gallery_site: site of the camera that recorded the gallery, a file of `walkprint calibrate`.
        probe_site: site of the camera that recorded the probes; the same file if one camera recorded both.
        resamples: number of bootstrap samples for the 95 % intervals; 0 for no intervals.
        seed: seed of the bootstrap.
    """

    metric: Literal["euclidean", "cosine"] = "euclidean"
    normalize: bool = False
    center: bool = False
    whitening: str | None = None
    gallery_site: Path | str | None = None
    probe_site: Path | str | None = None
    resamples: CountOrZero = 1000
    seed: Seed = 0

    def scoring(self) -> "Scoring":
        """The same with what the files hold."""
        from walkprint.evaluation import Scoring, Site

        sides = {side: getattr(self, side) for side in ("gallery_site", "probe_site")}
        sites = {side: file and Site.load(file) for side, file in sides.items()}
        whitening = None
        if self.whitening is not None:
            from walkprint.recipes.trained import load_whitening

            whitening = load_whitening(self.whitening)
        return Scoring(**{**vars(self), **sites, "whitening": whitening})


PLAIN = Compared()


def evaluate_files(
    *,
    embeddings: list[Path | str],
    protocol: str | None = None,
    gallery: Path | str | None = None,
    compared: Compared = PLAIN,
    ranks: list[Count] = [1, 5, 10, 20],  # noqa: B006 - never changed, and readable in the help
    false_accept_rates: list[OpenFraction] = [0.001, 0.01, 0.05],  # noqa: B006
    open_set: bool = False,
    groups: Path | str | None = None,
    out: Path | str | None = None,
    pictures: list[Path | str] = [],  # noqa: B006
    ranking: Path | str | None = None,
    ranking_form: Literal["table", "grew", "hid"] = "table",
) -> Summary:
    """Identify and verify by a protocol: tables, curves, intervals.

    Args:
        embeddings: file of `walkprint embed`, or several if shares were embedded separately.
        protocol: a YAML file, a bundled one such as kth/protocol, or the name of a protocol; by default the first one
            of the data set.
        gallery: take the gallery from this file instead, for evaluation across data sets.
        compared: how sequences are compared.
        ranks: the k of each rank-k.
        false_accept_rates: the t of each TAR at FAR t.
        open_set: also take half of the people out of the gallery, 20 times over: FNIR at FPIR 1 % and 10 %, DET curve.
        groups: CSV file with the columns subject and group; each group of probes is also judged by itself.
        out: folder for identification and verification as .json, .md, .tex and .txt, and report.html.
        pictures: stores of the embedded sequences; the report then shows the hardest probes next to their ten nearest
            gallery sequences, and the rank-1 of each part alone.
        ranking: write the 20 nearest subjects of every probe to this CSV file; works without the probes' identities.
        ranking_form: table has a line for each rank; grew and hid are submissions to these benchmarks.

    Example:
        walkprint evaluate --embeddings mine.npz --protocol identical-view-excluded --out results/mine
    """
    if pictures and out is None:
        raise ArgumentError("`pictures` needs `out`, the folder of the page that shows them")
    check_files([*embeddings, gallery], compared, protocol)
    check_there(groups)
    from walkprint.core.versions import provenance
    from walkprint.data.store import Store
    from walkprint.evaluation import have_answers, identify, identify_open_set, save_ranking, verify
    from walkprint.evaluation.groups import by_group, read_groups
    from walkprint.evaluation.hardest import hardest_probes
    from walkprint.evaluation.html import save_reports
    from walkprint.recipes.protocols import find_protocol

    probes = load_merged(embeddings)
    scoring, chosen = compared.scoring(), find_protocol(protocol, Path(embeddings[0]))
    known = None if gallery is None else load_merged([gallery])
    if groups is not None:
        chosen = by_group(chosen, read_groups(groups), probes)
    source = provenance(", ".join(Path(file).name for file in embeddings))
    options: dict[str, Any] = {"gallery": known, "scoring": scoring, "provenance": source}
    reports = []
    if ranking is None or have_answers(probes, chosen, known):
        with progress("identification") as on_progress:
            reports.append(identify(probes, chosen, ranks=ranks, progress=on_progress, **options))
        with progress("verification") as on_progress:
            reports.append(
                verify(probes, chosen, false_accept_rates=false_accept_rates, progress=on_progress, **options)
            )
        if open_set:
            reports.append(identify_open_set(probes, chosen, **options))
    text = "\n".join(report.to_text() for report in reports) or "no figures: the gallery knows no subject of a probe"
    if out is not None and reports:
        stores = [Store.open(store) for store in pictures]
        further = [hardest_probes(probes, chosen, stores, scoring=scoring, gallery=known)] if stores else []
        text += f"\n{save_reports(reports, Path(out), further=further)}"
    if ranking is not None:
        count = save_ranking(ranking, probes, chosen, scoring=scoring, gallery=known, form=ranking_form)
        text += f"\n{ranking}: the nearest subjects of {count} probes"
    return Summary({report.kind: json.loads(report.to_json()) for report in reports}, text)


def load_merged(files: Sequence[Path | str]) -> "EmbeddingSet":
    """The embeddings of a file, or of several when shares were embedded apart."""
    from walkprint.core.embedding import EmbeddingSet
    from walkprint.evaluation import merge

    sets = [EmbeddingSet.load(file) for file in files]
    return merge(sets) if len(sets) > 1 else sets[0]


def check_files(embeddings: Sequence[Path | str | None], compared: Compared, protocol: str | None) -> None:
    """Refuse files that are not there, before anything heavy is loaded."""
    check_there(*embeddings, advice="; make it with `embed`")
    check_there(compared.gallery_site, compared.probe_site, advice="; make it with `calibrate`")
    if compared.whitening is not None:
        find_trained(compared.whitening)
    if protocol is not None and protocol.endswith((".yaml", ".yml", ".json")):
        find_file(protocol)
