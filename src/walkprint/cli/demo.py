"""`walkprint demo`: coats are rare; generate some, and see what a recognizer gains. From nothing to a report."""

from pathlib import Path

from walkprint.core.bounds import Seed
from walkprint.core.progress import progress
from walkprint.core.summary import Summary


def demo(*, quick: bool = False, out: Path | None = None, seed: Seed = 0) -> Summary:
    """Show the whole way, from rendered people to a report, in ten minutes.

    Renders walking people; one training subject in eight has takes in a coat. Trains a generator that makes coats for
    the others. Trains a narrow GaitSet without and with these coats, recognizes other people, and writes a report.
    About ten minutes on two cores (longer without AVX-512); with --quick one to three.

    Args:
        quick: fewer people and steps, to check that everything runs.
        out: folder for everything it makes; walkprint-demo, or walkprint-demo-quick, by default.
        seed: of the people and of the training.

    Example:
        walkprint demo --quick --out demo
    """
    from walkprint.studies.demo import run_demo

    folder = out or Path("walkprint-demo-quick" if quick else "walkprint-demo")
    found = run_demo(folder, quick=quick, seed=seed, phase=progress)
    return Summary(found.numbers(), found.to_text())
