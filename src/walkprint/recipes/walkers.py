"""The bundled benchmark of rendered people as a packed store; `walkprint walkers`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from walkprint.core.bounds import Checked, Count, CountOrZero, Frames, Seed, SizePx, Subjects
from walkprint.core.engine import HERE, Machines
from walkprint.core.progress import progress
from walkprint.core.summary import Summary


@dataclass(frozen=True, kw_only=True)
class People(Checked):
    """Who is rendered, and how.

    Attributes:
        subjects: number of people.
        train: this many of them train, the others test; 60 % by default.
        seed: seed of everything random.
        views: camera angles in degrees, separated by commas: 000 is walked towards the camera, 090 shows the left side;
            000,018 and so on up to 180 by default.
        takes: number of takes of each condition; nm=6 bg=2 cl=2 by default.
        scarce: keep a condition for only one in N training subjects, e.g. cl=8; test subjects are unaffected.
        views_per_take: number of views, drawn at random, from which each take is seen; all by default.
        one_side: show each person from the left (views below 180) or from the right only.
        frames: number of frames of a clip, at 25 Hz.
        size_px: height and width of the frames.
        variety: how much people, takes, masks and cameras differ: shape, gait, take, noise, camera as factors of the
            usual amount; also fresh_clothes, mixed and, as real people have them, fresh_cameras, shoes, neck, stride,
            curves, trousers and hems.
    """

    subjects: Subjects = 124
    train: CountOrZero | None = None
    seed: Seed = 0
    views: str | None = None
    takes: dict[str, CountOrZero] | None = None
    scarce: dict[str, Count] | None = None
    views_per_take: Count | None = None
    one_side: bool = False
    frames: Frames = 40
    size_px: SizePx = 64
    variety: dict[str, Any] | None = None


USUAL = People()


def walkers_to_store(
    *,
    out: Path,
    people: People = USUAL,
    machines: Machines = HERE,
    segmented: str | None = None,
    sheet: Path | None = None,
) -> Summary:
    """Render people who walk normally, with a bag, and in a coat, and pack them into a store.

    The same settings give the same pixels on every machine, except with `segmented`. Figures on these people are
    synthetic.

    Args:
        out: folder of the store.
        people: who is rendered.
        machines: where work is done.
        segmented: film them in color and cut them out with selfie (bundled), pose (after `make models`) or a
            segmenter class by name; variety.noise is not used. A finished store of the same settings is kept.
        sheet: also draw some of them into this PNG.

    Example:
        walkprint walkers --out stores/walkers --subjects 30 --seed 0 --sheet walkers.png
        walkprint walkers --config real/walkers --segmented selfie --out stores/segmented
    """
    from walkprint.data.base import GaitDataset
    from walkprint.data.packed import Packed
    from walkprint.data.prepare import pack
    from walkprint.evaluation.sheets import save_sheet
    from walkprint.recipes.classes import build

    settings = {name: value for name, value in vars(people).items() if value is not None}
    if people.views:
        settings["views"] = people.views.split(",")
    dataset = build(GaitDataset, {"class_path": "Walkers", "init_args": settings})
    with progress("rendering") as on_progress:
        if segmented is None:
            report = pack(dataset, out, workers=machines.workers, engine=machines.chosen, progress=on_progress)
        else:
            from walkprint.recipes.segmented import segmented_to_store

            report = segmented_to_store(dataset, out=out, segmenter=segmented, machines=machines, progress=on_progress)
    text = str(report)
    if sheet is not None:
        save_sheet(Packed(out).store(), sheet)
        text += f"\n{sheet}: a sheet of them"
    return Summary(report.to_dict() | {"sheet": None if sheet is None else str(sheet)}, text)
