"""`walkprint export`: a trained network, or the segmenter, as an ONNX file."""

from pathlib import Path

from walkprint.core.summary import Summary
from walkprint.recipes.library import find_trained


def export(run: Path, *, out: Path, int8: bool = False) -> Summary:
    """Write a trained network as ONNX, from stored frames to embeddings; OpenVINO reads the same file.

    Args:
        run: folder of a run or of a finished network; or bundled: street, street-large, or selfie, the segmenter.
        out: folder of the exported network, for `walkprint embed --run FOLDER`.
        int8: use integers of 8 bits, smaller and faster; calibrated on rendered walks.

    Example:
        walkprint export street --out networks/street-onnx
    """
    find_trained("street" if str(run) == "selfie" else run)
    from walkprint.recipes.export import export as write

    found = write(run, out, int8=int8)
    text = (
        f"{out}: {found['bytes'] / 1e6:.1f} MB, {found['digest']}, differs from the original by "
        f"{found['difference']:.1e}"
    )
    return Summary({"out": str(out), **found}, text)
