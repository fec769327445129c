"""Which clips a sheet of silhouettes shows: people in each condition, or generated takes beside real ones."""

from collections.abc import Sequence
from pathlib import Path

from walkprint.core.files import write_atomically
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.store import Store
from walkprint.evaluation.plots import contact_sheet


def clips_by_condition(store: Store, *, subjects: int = 4) -> dict[str, list[Clip]]:
    """The first take of some people in each condition, from the view in the middle."""
    views = sorted({key.view for key in store.keys})
    middle = [key for key in store.keys if key.view == views[len(views) // 2]]
    names = sorted({key.subject for key in middle})[:subjects]
    chosen: dict[tuple[str, str], Clip] = {}
    for key in middle:
        if key.subject in names and (key.condition, key.subject) not in chosen:
            chosen[key.condition, key.subject] = store.read(key)
    clips: dict[str, list[Clip]] = {}
    for (condition, _), clip in chosen.items():
        clips.setdefault(condition, []).append(clip)
    return clips


def save_sheet(store: Store, path: Path) -> None:
    """Write one sheet of all conditions as PNG, atomically."""
    write_atomically(path, contact_sheet([clip for some in clips_by_condition(store).values() for clip in some]))


def generated_beside_real(store: Store, *, subjects: int = 4) -> list[Clip]:
    """For some subjects, from the view in the middle: a source, what was made from it, a recording of its condition."""
    views = sorted({key.view for key in store.generated})
    made = [key for key in store.generated if key.view == views[len(views) // 2]]
    firsts = {key.subject: key for key in reversed(made)}
    clips: list[Clip] = []
    for name in sorted(firsts)[:subjects]:
        key = firsts[name]
        source = SequenceKey.parse(store.generated[key]["source"])
        real = [
            one
            for one in store.keys
            if (one.subject, one.condition, one.view) == (name, key.condition, key.view) and one not in store.generated
        ]
        clips += [store.read(one) for one in (source, key, *real[:1])]
    return clips


def save_generated_sheet(store: Store, path: Path) -> None:
    """Write one sheet of `generated_beside_real` as PNG, atomically."""
    write_atomically(path, contact_sheet(generated_beside_real(store)))


def save_sheet_of(clips: Sequence[Clip], path: Path) -> None:
    """Write one sheet of these clips as PNG, atomically."""
    write_atomically(path, contact_sheet(clips))
