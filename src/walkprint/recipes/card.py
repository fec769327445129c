"""The card of a network: what it was trained on, how well it does, and what it is bad at."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from walkprint.core.errors import CheckpointError
from walkprint.core.yaml_json import read_json
from walkprint.evaluation.whitening import WHITENING_NAME
from walkprint.training.checkpoint import WEIGHTS_NAME

CARD_NAME = "card.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What lies beside a network's weights as `card.json`.

    Attributes:
        summary: what it is, in one line.
        data: what it was trained on.
        license: of the weights, as an SPDX identifier.
        figures: a line each, with the scoring and the intervals.
        bad_at: a line for each known weakness.
        fairness: figures of groups of rendered people: their range in one line, then the table.
        digest: of the weights and the whitening, see `folder_digest`.
    """

    summary: str
    data: str
    license: str
    figures: tuple[str, ...]
    bad_at: tuple[str, ...]
    digest: str
    fairness: tuple[str, ...] = ()

    def to_text(self) -> str:
        """A few lines for a terminal."""
        lines = [self.summary, f"data: {self.data}", *self.figures, *self.fairness[:1]]
        lines += [f"bad at: {one}" for one in self.bad_at]
        return "\n".join([*lines, f"license: {self.license} · digest of the files {self.digest}"])


def read_card(folder: Path) -> Card | None:
    """The card in a network's folder; None where there is none.

    Raises:
        CheckpointError: the file is damaged.
    """
    path = folder / CARD_NAME
    if not path.is_file():
        return None
    try:
        found = read_json(path)
        return Card(
            summary=str(found["summary"]), data=str(found["data"]), license=str(found["license"]),
            figures=tuple(found["figures"]), bad_at=tuple(found["bad_at"]), digest=str(found["digest"]),
            fairness=tuple(found.get("fairness", ())),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: no card of a network ({error!r}); expected what `Card` holds") from error


def folder_digest(folder: Path) -> str:
    """Twelve hexadecimal digits of the SHA-256 digest of a network's weights and whitening, as they are stored.

    Raises:
        CheckpointError: there are no weights.
    """
    digest = hashlib.sha256()
    try:
        for name in (WEIGHTS_NAME, WHITENING_NAME):
            if name == WEIGHTS_NAME or (folder / name).is_file():
                digest.update((folder / name).read_bytes())
    except OSError as error:
        raise CheckpointError(
            f"{folder}: cannot be read ({error}); expected the folder of a trained network"
        ) from error
    return digest.hexdigest()[:12]
