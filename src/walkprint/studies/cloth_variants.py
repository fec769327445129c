"""The variants of the cloth study: what the training set is, and which generator makes its coats."""

from collections.abc import Mapping, Sequence
from typing import Any

from walkprint.studies.expansion import RECORDED, SIMPLE, WHITENED

BASELINE, EVEN, GUIDED = "original", "even-sampling", "ae-guided"
HALLUCINATED = "hallucination"
"""The original's training set, conditions drawn evenly, and a triplet loss that hallucinates coats."""
GENERATORS: dict[str, dict[str, Any]] = {
    "acgan": {"class_path": "ACGAN", "init_args": {"latent": 64}},
    "reacgan": {"class_path": "ReACGAN", "init_args": {"latent": 64}},
    "bagan": {"class_path": "BAGAN", "init_args": {"latent": 64}},
    "bagan-gp": {"class_path": "BAGANGP", "init_args": {"latent": 64}},
    # Raised for trainings this short; the others have those of their classes.
    GUIDED: {
        "class_path": "AEGuidedGAN",
        "init_args": {"latent_size": 64, "learning_rates": [1e-3, 1e-3, 2e-4]},
    },
}
_RIVALS: dict[str, dict[str, Any]] = {
    "latent-flow": {"class_path": "LatentFlow", "init_args": {"latent_size": 64, "hidden": 128}},
    "sdedit": {"class_path": "SDEdit"},
    "draper": {"class_path": "Draper"},
}
DRAPER_WIDTHS = (64, 96, 128, 160)
"""The widest that a draper of at most a million parameters may have."""
COVER = "-covering"
"""Ending of a variant whose coats are laid over the frames that they are made from."""
COVERING = GUIDED + COVER
_RIVALS |= {name + COVER: entry for name, entry in _RIVALS.items()}
JOINED = f"{GUIDED}-draper{COVER}"
"""The AE-guided GAN and the draper in turn, take by take."""
GENERATORS |= {COVERING: GENERATORS[GUIDED], JOINED: GENERATORS[GUIDED], **_RIVALS}
_CLASSES = "walkprint.studies.ablation"
ABLATION: dict[str, dict[str, Any]] = {
    "without-autoencoder-weights": {"class_path": f"{_CLASSES}.WithoutAutoencoderWeights"},
    "without-encoder-weights": {"class_path": f"{_CLASSES}.WithoutEncoderWeights"},
    "true-classification": {"class_path": f"{_CLASSES}.TrueClassification"},
    "gaussian-latent": {"class_path": f"{_CLASSES}.GaussianLatent"},
    "condition-table-only": {"class_path": f"{_CLASSES}.ConditionTableOnly"},
    "without-anchor": {"init_args": {"reconstruction_weight": 0.0}},
    "without-transport": {"class_path": f"{_CLASSES}.WithoutTransport"},  # and so without borrowing
    "without-borrowing": {"init_args": {"borrow": 0.0}},
}
_WHITE = "-whitened"
"""Ending of a variant whose recognizer's distances are whitened by all training walks, generated ones included."""
_ALSO_WHITENED = tuple(
    name + _WHITE for name in (*SIMPLE, *GENERATORS, *RECORDED) if name.endswith((COVER, "recorded", "re-rendered"))
)
VARIANTS = (BASELINE, EVEN, HALLUCINATED, *SIMPLE, *GENERATORS, *RECORDED, *WHITENED, *_ALSO_WHITENED)
_UPON_REQUEST = {HALLUCINATED, JOINED, "draped", "re-rendered", "recorded-fresh", *_RIVALS, *WHITENED, *_ALSO_WHITENED}
DEFAULT_VARIANTS = tuple(name for name in VARIANTS if name not in _UPON_REQUEST)


def maker_of(variant: str) -> str:
    """The variant whose training set this one shares."""
    return variant.removesuffix(_WHITE)


def is_whitened(variant: str) -> bool:
    """Whether distances are whitened."""
    return variant in WHITENED or variant.endswith(_WHITE)


def generator_of(variant: str, widths: Sequence[int], settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """The generator of a variant or of a switch of the ablation, as class and arguments; None of the others.

    Args:
        variant: its name.
        widths: channels at 32, 16, 8 and 4 pixels.
        settings: of the AE-guided GAN, other than its defaults.
    """
    maker = maker_of(variant)
    if maker not in GENERATORS and maker not in ABLATION:
        return None
    entry = GENERATORS.get(maker, GENERATORS[GUIDED])
    own = settings if entry is GENERATORS[GUIDED] else {}
    most = DRAPER_WIDTHS if entry["class_path"] == "Draper" else widths
    changed = ABLATION.get(maker, {})
    arguments = {
        **entry.get("init_args", {}),
        "widths": [min(pair) for pair in zip(widths, most, strict=True)],
        **own,
        **changed.get("init_args", {}),
    }
    return {**entry, **changed, "init_args": arguments}
