"""`walkprint evaluate`: identification and verification by a protocol."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml

from walkprint.cli.embed import protocols_file
from walkprint.cli.recipe import import_families
from walkprint.cli.words import Summary, carry_out
from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import ProtocolError
from walkprint.core.protocol import Protocol
from walkprint.data.base import GaitDataset
from walkprint.evaluation import Report, Scoring, identify, merge, verify
from walkprint.evaluation.html import write_html
from walkprint.training.run import versions

EXAMPLE = "walkprint evaluate --embeddings mine.npz --protocol identical-view-excluded --out results/mine"


def main(words: Sequence[str]) -> Summary:
    """Carry out the words after `evaluate`."""
    return carry_out(evaluate, words, EXAMPLE)


def evaluate(
    *,
    embeddings: list[Path] | Path,
    protocol: str | None = None,
    gallery: Path | None = None,
    metric: Literal["euclidean", "cosine"] = "euclidean",
    normalize: bool = False,
    center: bool = False,
    ranks: list[int] = [1, 5, 10],  # noqa: B006 - never changed, and readable in the help
    false_accept_rates: list[float] = [0.001, 0.01, 0.05],  # noqa: B006
    resamples: int = 1000,
    seed: int = 0,
    out: Path | None = None,
) -> Summary:
    """Identify and verify by a protocol; print tables, and on request write JSON, Markdown and HTML.

    Args:
        embeddings: file of `walkprint embed`, or a list of them such as [a.npz,b.npz] when shares were embedded apart.
        protocol: a YAML file, or the name of a protocol; the first of the embedded data set when null.
        gallery: take the gallery from this file instead, for evaluation across data sets.
        metric: distance between two parts.
        normalize: bring each part to unit length first, so that parts weigh alike; often better across domains.
        center: move gallery and each probe set to mean zero; fair only where all probes are at hand.
        ranks: the k of each rank-k.
        false_accept_rates: for the rates of true accepts.
        resamples: for the 95 % intervals, by bootstrap over subjects; 0 for none.
        seed: of the bootstrap.
        out: folder for identification and verification as .json, .md and .txt, and report.html.
    """
    files = embeddings if isinstance(embeddings, list) else [embeddings]
    probes = merge([EmbeddingSet.load(file) for file in files]) if len(files) > 1 else EmbeddingSet.load(files[0])
    known = None if gallery is None else EmbeddingSet.load(gallery)
    options: dict[str, Any] = {
        "gallery": known,
        "scoring": Scoring(metric=metric, center=center, normalize=normalize, resamples=resamples, seed=seed),
        "provenance": provenance(", ".join(file.name for file in files)),
    }
    chosen = find_protocol(protocol, files[0])
    reports = [
        identify(probes, chosen, ranks=ranks, **options),
        verify(probes, chosen, false_accept_rates=false_accept_rates, **options),
    ]
    text = "\n".join(report.to_text() for report in reports)
    if out is not None:
        text += f"\n{save(reports, out)}"
    return Summary({report.kind: json.loads(report.to_json()) for report in reports}, text)


def save(reports: Sequence[Report], out: Path) -> Path:
    """Write reports as JSON, Markdown and text, and one page of them all; returns the page."""
    for report in reports:
        for ending in (".json", ".md", ".txt"):
            report.save(out / f"{report.kind.replace(' ', '_')}{ending}")
    page = out / "report.html"
    write_html(page, reports)
    return page


def provenance(embeddings: str) -> dict[str, str]:
    """What a report says about where it comes from."""
    found = versions()
    names = ("walkprint", "commit", "torch", "machine")
    return {"embeddings": embeddings} | {name: str(found[name]) for name in names if found[name]}


def find_protocol(name: str | None, embeddings: Path) -> Protocol:
    """A protocol by file or name.

    Args:
        name: a YAML file, a name, or None for the first protocol of the embedded data set.
        embeddings: beside which `walkprint embed` left the data set's protocols.

    Raises:
        ProtocolError: no such protocol, or the file spells none.
    """
    if name is not None and (name.endswith((".yaml", ".yml", ".json")) or Path(name).is_file()):
        return read_protocol(Path(name))
    own = _protocols_beside(embeddings)
    known = {**_protocols_of_families(), **own}
    if name is None:
        if not own:
            raise ProtocolError(
                f"{protocols_file(embeddings)}: no protocol beside the embeddings, as where nobody has a second "
                f"recording; name one of {', '.join(known)}, or a YAML file, with --protocol"
            )
        return next(iter(own.values()))
    if name not in known:
        raise ProtocolError(f"no protocol {name!r}; expected a YAML file or one of {', '.join(known)}")
    return known[name]


class _Written(int):
    """A number as it is written: YAML reads 072 as 58, and the advice to quote it must not say 58."""

    written: str

    def __repr__(self) -> str:
        return self.written


class _Loader(yaml.SafeLoader):
    def number(self, node: yaml.ScalarNode) -> _Written:
        value = _Written(self.construct_yaml_int(node))
        value.written = node.value
        return value


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.number)


def read_protocol(path: Path) -> Protocol:
    """The protocol that a YAML file spells.

    Raises:
        ProtocolError: the file is missing, damaged, or spells no protocol.
    """
    try:
        plain = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ProtocolError(f"{path}: cannot be read ({error}); expected a protocol in YAML") from error
    if not isinstance(plain, Mapping):
        raise ProtocolError(f"{path}: found a {type(plain).__name__}, expected name, gallery and probes")
    return Protocol.from_dict(plain)


def _protocols_beside(embeddings: Path) -> dict[str, Protocol]:
    try:
        found = json.loads(protocols_file(embeddings).read_text(encoding="utf-8"))
        return {plain["name"]: Protocol.from_dict(plain) for plain in found}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProtocolError(f"{protocols_file(embeddings)}: damaged ({error}); embed again") from error


def _protocols_of_families() -> dict[str, Protocol]:
    import_families()
    families, found = [GaitDataset], dict[str, Protocol]()
    while families:
        family = families.pop()
        families += family.__subclasses__()
        found |= getattr(family, "PROTOCOLS", {})
    return found
