"""Which clips a sheet of silhouettes shows: some people, for each condition."""

from pathlib import Path

from walkprint.core.sequence import Clip
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
    clips = clips_by_condition(store)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(contact_sheet([clip for some in clips.values() for clip in some]))
    temporary.replace(path)
