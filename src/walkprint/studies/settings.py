"""Checks of a study's settings."""

from collections.abc import Collection
from pathlib import Path

from walkprint.core.errors import RecipeError
from walkprint.core.protocol import Protocol


def check_names(what: str, names: Collection[str], known: Collection[str], *, perhaps_none: bool = False) -> None:
    """Refuse names that a study does not know, and none at all unless that is allowed.

    Raises:
        RecipeError: names the unknown and the known ones.
    """
    unknown = sorted(set(names) - set(known))
    if unknown or not (names or perhaps_none):
        raise RecipeError(f"study: {what} {', '.join(unknown) or 'none'}; expected some of {', '.join(known)}")


def check_size(seeds: int, steps: int, subjects: int, train: int, subjects_per_batch: int) -> None:
    """Refuse a study without seeds or steps, or with too few people: it needs two for testing and a batch for training.

    Raises:
        RecipeError: states the settings.
    """
    if min(seeds, steps, subjects - train - 1) < 1 or train < subjects_per_batch:
        raise RecipeError(
            f"study: {seeds} seeds, {steps} steps, {subjects} people; expected 1 or more, and people enough: two "
            f"thirds train, {subjects_per_batch} in a batch"
        )


def check_real(sections: Collection[str], real: Path | None, protocol: Protocol | None) -> None:
    """Refuse a section on real masks without these.

    Raises:
        RecipeError: says what to set.
    """
    if "real" in sections and (real is None or protocol is None):
        raise RecipeError("study: the section real needs a folder of masks and a protocol; set real and protocol")
