"""`walkprint serve`: the same over HTTP, with a page."""

import sys
from pathlib import Path

from walkprint.core.bounds import OpenFraction, Port
from walkprint.core.errors import DataError
from walkprint.core.summary import Summary
from walkprint.recognizer.opening import Place, Seeing, Sites
from walkprint.web.limits import Limits


def serve(
    *,
    host: str = "127.0.0.1",
    port: Port = 8000,
    token_file: Path | None = None,
    false_positive_rate: OpenFraction = 0.05,
    place: Place,
    seeing: Seeing,
    sites: Sites,
    limits: Limits,
) -> Summary:
    """Serve a page and a REST API: enroll, identify, forget, journal.

    The first start makes a token and prints the page's address with it. Other machines can reach the server only with
    --host, which needs --token_file and a proxy with TLS.

    Args:
        host: address to listen at.
        port: port to listen at; 0 takes a free one.
        token_file: file of the token, made if it does not exist; GALLERY.token next to the gallery by default.
        false_positive_rate: as in `walkprint identify`; the page has a slider.
        place: where people are known.
        seeing: what sees people.
        sites: what was calibrated of cameras.
        limits: of uploads and jobs.

    Example:
        walkprint serve --gallery people.gallery
    """
    try:
        from walkprint.web.serve import serve as run
    except ImportError as error:
        raise DataError("the server needs more packages: pip install walkprint[serve]") from error
    run(
        seeing.recognizer(place, sites), false_positive_rate=false_positive_rate, limits=limits, host=host, port=port,
        token_file=token_file,
        say=lambda line: sys.stderr.write(f"{line}\n"),
    )  # fmt: skip
    return Summary({"gallery": str(place.gallery)}, f"{place.gallery}: no longer served")
