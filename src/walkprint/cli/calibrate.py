"""`walkprint calibrate`: a site from clips of passers-by."""

from pathlib import Path

from walkprint.core.files import check_there
from walkprint.core.summary import Summary


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
    check_there(*embeddings, advice="; make it with `embed`")
    from walkprint.evaluation import Site
    from walkprint.recipes.evaluation import load_merged

    site = Site.learn(load_merged(embeddings))
    site.save(out)
    views = [
        f"{view or 'unknown'} {count}" + (" (shared mean)" if view not in site.means else "")
        for view, count in site.clips.items()
    ]
    text = f"{out}: {site}; clips by view: {', '.join(views)}"
    return Summary({"out": str(out), "clips": dict(site.clips), "digest": site.digest, "source": site.source}, text)
