"""`walkprint calibrate`: a site from clips of passers-by."""

from pathlib import Path

from walkprint.cli.settings import check_there
from walkprint.cli.verb import Summary


def calibrate(*, embeddings: list[Path], out: Path) -> Summary:
    """Learn what all clips of one camera share, from unlabeled clips of passers-by.

    The site holds their mean, for each direction of walking (view) with ten clips or more and for all others together.
    Never calibrate with the probes themselves.

    Args:
        embeddings: file of `walkprint embed`, or several; at least five clips in all.
        out: file of the site, .site.

    Example:
        walkprint calibrate --embeddings passersby.npz --out hall.site
    """
    for file in embeddings:
        check_there(file, "; make it with `walkprint embed`")
    from walkprint.core.embedding import EmbeddingSet
    from walkprint.evaluation import Site, merge

    sets = [EmbeddingSet.load(file) for file in embeddings]
    site = Site.learn(merge(sets) if len(sets) > 1 else sets[0])
    site.save(out)
    views = [
        f"{view or 'unknown'} {count}" + (" (shared mean)" if view not in site.means else "")
        for view, count in site.clips.items()
    ]
    text = f"{out}: {site}; clips by view: {', '.join(views)}"
    text += f"\nnext: walkprint evaluate --embeddings PROBES.npz --gallery_site {out} --probe_site {out}"
    return Summary({"out": str(out), "clips": dict(site.clips), "digest": site.digest, "source": site.source}, text)
