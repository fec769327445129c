"""`walkprint calibrate`: a site from videos or embeddings of passers-by."""

import shlex
from pathlib import Path

from walkprint.cli.values import UsageError
from walkprint.core.files import check_there
from walkprint.core.progress import progress
from walkprint.core.summary import Summary


def calibrate(
    *,
    videos: list[Path] | None = None,
    embeddings: list[Path] | None = None,
    network: str | None = None,
    segmenter: str | None = None,
    out: Path,
) -> Summary:
    """Learn the site of a camera, what all its clips share, from passers-by.

    No names are needed. The site holds the mean embedding of each direction of walking (view) with ten clips or more,
    and one mean for all other directions. Take five people or more, and never the probes themselves.

    Args:
        videos: videos of this camera in which people walk past; at least five walks in all.
        embeddings: instead of videos, files of `walkprint embed`; at least five clips in all.
        network: for videos, the name of a bundled network or the folder of a run; street by default.
        segmenter: for videos, Background, MediaPipe, MaskRcnn, Onnx, or a class of yours by its dotted path;
            MediaPipe by default.
        out: file of the site, .site.

    Example:
        walkprint calibrate --videos monday.mp4 tuesday.mp4 --out hall.site
        walkprint calibrate --embeddings passersby.npz --out hall.site
    """
    if (videos is None) == (embeddings is None):
        raise UsageError(f"expected either --videos or --embeddings; found {'both' if videos else 'neither'}")
    if embeddings is not None and (network or segmenter):
        raise UsageError("--network and --segmenter go with --videos only; leave them out with --embeddings")
    check_there(*(videos or []))
    check_there(*(embeddings or []), advice="; make it with `embed`")
    if embeddings is not None:
        from walkprint.evaluation import Site
        from walkprint.recipes.evaluation import load_merged

        site = Site.learn(load_merged(embeddings))
    else:
        from walkprint import recognizer
        from walkprint.recipes.classes import build_segmenter

        with progress("calibrating") as on_progress:
            site = recognizer.calibrate(
                videos, network or "street", segmenter=build_segmenter(segmenter or "MediaPipe", {}),
                hook=lambda frame, _: on_progress(frame.number + 1, None),
            )  # fmt: skip
    site.save(out)
    views = [
        f"{view or 'unknown'} {count}" + (" (shared mean)" if view not in site.means else "")
        for view, count in site.clips.items()
    ]
    asked = ["identify", "VIDEO", "--site", str(out)]
    if embeddings is not None:
        asked = ["evaluate", "--embeddings", "PROBES.npz", "--gallery_site", str(out), "--probe_site", str(out)]
    text = f"{out}: {site}; clips by view: {', '.join(views)}\nnext: {shlex.join(['walkprint', *asked])}"
    return Summary({"out": str(out), "clips": dict(site.clips), "digest": site.digest, "source": site.source}, text)
