"""Floor 3: from a trained network to honest figures: embed, identify, verify, report."""

from walkprint.evaluation.baseline import energy_image_embeddings
from walkprint.evaluation.comparison import compare_systems
from walkprint.evaluation.embed import embed, merge
from walkprint.evaluation.identify import identify
from walkprint.evaluation.open_set import identify_open_set
from walkprint.evaluation.report import Report
from walkprint.evaluation.scoring import Scoring
from walkprint.evaluation.site import Site
from walkprint.evaluation.submission import have_answers, ranked_subjects, save_ranking
from walkprint.evaluation.verify import verify
from walkprint.evaluation.whitening import Whitening

__all__ = [
    "Report",
    "Scoring",
    "Site",
    "Whitening",
    "compare_systems",
    "embed",
    "energy_image_embeddings",
    "have_answers",
    "identify",
    "identify_open_set",
    "merge",
    "ranked_subjects",
    "save_ranking",
    "verify",
]
