"""Masks of real people, on which networks of rendered people are tested."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from walkprint.core.errors import DataError
from walkprint.core.protocol import Protocol
from walkprint.data.folder import Folder
from walkprint.data.packed import Packed
from walkprint.data.prepare import prepare
from walkprint.data.store import META_NAME, is_store
from walkprint.evaluation import Scoring
from walkprint.networks.base import Network
from walkprint.studies.grid import Numbers, digest, made_once
from walkprint.studies.recognition import embedded, scores

STREET: Mapping[str, Any] = {
    "takes": {"nm": 2, "bg": 1, "cl": 3},
    "views": ["065", "075", "085", "090", "095", "105", "115", "245", "255", "265", "270", "275", "285", "295"],
    "one_side": True,
    "views_per_take": 3,
    "variety": {"fresh_clothes": True, "mixed": 0.3},
}
"""Walkers as of `recipes/kth/walkers.yaml`: seen from either side, in normal and other clothes, or carrying."""


def real_people(root: Path, size_px: int, out: Path) -> Packed:
    """Own masks at the size of the study's frames, all of them for testing.

    Args:
        root: `subject/condition-take/view/*.png`, or a packed store of frames of this size.
        size_px: height and width.
        out: the study's folder, where the store lies.

    Raises:
        DataError: a store of other frames.
    """
    if is_store(root):
        found = Packed(root)
        if found.store().height_px != size_px:
            raise DataError(
                f"{root}: frames of {found.store().height_px} px, expected {size_px}; give the masks themselves"
            )
        return found
    store = out / "stores" / f"real-{digest({'root': str(root.resolve()), 'size_px': size_px})}"
    made_once(store / META_NAME, lambda: prepare(Folder(root, size_px=size_px), store, workers=1))
    return Packed(store)


def real_scores(
    network: Network, root: Path, size_px: int, protocol: Protocol, out: Path, *, strangers: bool = False
) -> Numbers:
    """Figures on real masks, by the cosine of parts of unit length, gallery and probe sets centered each on its own.

    Args:
        network: trained on rendered people.
        root, size_px, out: as in `real_people`.
        protocol: for the masks.
        strangers: see `scores`.
    """
    scoring = Scoring(metric="cosine", center=True, normalize=True, resamples=0)
    return scores(embedded(network, real_people(root, size_px, out)), protocol, scoring, strangers=strangers)
