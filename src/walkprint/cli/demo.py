"""`walkprint demo`: coats are rare; generate some, and see what a recognizer gains. From nothing to a report."""

from pathlib import Path

from walkprint.core.bounds import Seed
from walkprint.core.progress import progress
from walkprint.core.summary import Summary


def demo(*, quick: bool = False, out: Path | None = None, seed: Seed = 0) -> Summary:
    """Fill a rare condition, from nothing to a report, in ten minutes.

    Render walking people; one training subject in eight has takes in a coat. Train a generator, and let it make coats
    for the others; train a narrow GaitSet without and with them; recognize other people; write a report. At most ten
    minutes on two cores; with --quick at most one.

    Args:
        quick: fewer people, fewer steps.
        out: folder for everything it makes; walkprint-demo, or walkprint-demo-quick, by default.
        seed: of the people and of the training.

    Example:
        walkprint demo --quick --out demo
    """
    from walkprint.studies.demo import run_demo

    folder = out or Path("walkprint-demo-quick" if quick else "walkprint-demo")
    found = run_demo(folder, quick=quick, seed=seed, phase=progress)
    return Summary(found.numbers(), found.to_text())
