"""`walkprint walkers`: the bundled benchmark of rendered people, as a packed store."""

from collections.abc import Sequence
from pathlib import Path

from walkprint.cli.words import Summary, carry_out, progress
from walkprint.data.packed import Packed
from walkprint.data.prepare import pack
from walkprint.data.walkers import TAKES, USUAL, VIEWS, Variety, Walkers
from walkprint.evaluation.sheets import save_sheet

EXAMPLE = "walkprint walkers --out stores/walkers --subjects 30 --seed 0 --sheet walkers.png"


def main(words: Sequence[str]) -> Summary:
    """Carry out the words after `walkers`."""
    return carry_out(walkers, words, EXAMPLE)


def walkers(
    *,
    out: Path,
    subjects: int = 124,
    train: int | None = None,
    seed: int = 0,
    views: str = ",".join(VIEWS),
    takes: dict[str, int] = dict(TAKES),  # noqa: B006
    scarce: dict[str, int] | None = None,
    views_per_take: int | None = None,
    one_side: bool = False,
    frames: int = 40,
    size_px: int = 64,
    variety: Variety = USUAL,
    workers: int | None = None,
    sheet: Path | None = None,
) -> Summary:
    """Render people who walk normally, with something carried, and in a coat, and pack them into a store.

    The same settings give the same pixels on every machine. Figures on these people are synthetic.

    Args:
        out: folder of the store to be.
        subjects: how many people.
        train: the first so many are for training, the others for testing; 60 % when null.
        seed: of the world they live in.
        views: angles of the camera in degrees, with commas: 000 is walked towards it, 090 shows the left side.
        takes: how many takes of each condition: nm, bg, cl.
        scarce: only one in so many training people has takes of a condition, say {cl: 8}; those who test keep theirs.
        views_per_take: from how many of the views a take is seen, drawn by lot; from all when null.
        one_side: show each person from the left (views below 180) or from the right only.
        frames: frames of a clip, at 25 Hz.
        size_px: height and width of the frames.
        variety: how much people, takes, masks and cameras differ, as factors.
        workers: processes; as many as cores when null.
        sheet: also draw some of them into this PNG.
    """
    people = Walkers(
        subjects=subjects,
        train=train,
        seed=seed,
        views=views.split(","),
        takes=takes,
        scarce=scarce,
        views_per_take=views_per_take,
        one_side=one_side,
        frames=frames,
        size_px=size_px,
        variety=variety,
    )
    with progress("rendering") as tell:
        report = pack(people, out, workers=workers, progress=tell)
    text = str(report)
    if sheet is not None:
        save_sheet(Packed(out).store(), sheet)
        text += f"\n{sheet}: a sheet of them"
    return Summary(report.to_dict() | {"sheet": None if sheet is None else str(sheet)}, text)
