"""Runs the server until it is stopped."""

import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from walkprint.core.errors import DataError
from walkprint.recognizer import Recognizer
from walkprint.web.access import read_or_make_token, token_beside
from walkprint.web.app import create_app
from walkprint.web.gate import is_local
from walkprint.web.limits import Limits
from walkprint.web.service import Service

_CONNECTIONS, _IDLE_S, _GRACE_S = 200, 10, 5
_TLS = (
    "warning: other machines can reach this address, and the connection is not encrypted; put a proxy with TLS in "
    "front, or token and videos can be read on the way"
)


def serve(
    recognizer: Recognizer,
    *,
    false_positive_rate: float = 0.05,
    limits: Limits,
    host: str = "127.0.0.1",
    port: int = 8000,
    token_file: Path | None = None,
    say: Callable[[str], object],
) -> None:
    """Serve the API and the page; returns when a signal ends it.

    Args:
        recognizer: of the gallery that is served.
        false_positive_rate: of all strangers, how many may be named, unless a request says otherwise.
        limits: of requests and jobs.
        host: address to listen at; one that other machines can reach needs a token file.
        port: 0 for a free one.
        token_file: holds the token, and is made if it is not there; beside the gallery if None.
        say: gets lines for whoever started the server: the page's address, with the token when it is new.

    Raises:
        DataError: the address cannot be used or needs a token file, or the token's file is not sound.
    """
    if not 0 < false_positive_rate < 1:
        raise DataError(f"false positive rate is {false_positive_rate}; expected above 0 and below 1, e.g. 0.05")
    local = is_local(host)
    if not local and token_file is None:
        raise DataError(
            f"{host} can be reached from other machines; expected the file of a secret token as `token_file`"
        )
    path = token_file or token_beside(recognizer.gallery.path)
    token, new = read_or_make_token(path)
    _ = recognizer.cohort  # rendered here, where none comes with the network, not while a request waits
    listening = _listen(host, port)
    port = listening.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    if new:
        say(f"open http://{shown}:{port}/#token={token}")
        say(f"the token is shown this once; it is kept in {path}")
    else:
        say(f"listening at http://{shown}:{port}/; the token is in {path}")
    if not local:
        say(_TLS)
    recognizer.false_positive_rate = false_positive_rate
    service = Service(recognizer, limits)
    config = uvicorn.Config(
        create_app(service, token=token, local=local), access_log=False, log_level="warning", server_header=False,
        limit_concurrency=_CONNECTIONS, timeout_keep_alive=_IDLE_S, timeout_graceful_shutdown=_GRACE_S,
        ws="none", proxy_headers=False, lifespan="on",
    )  # fmt: skip
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        service.close()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        raise DataError(f"{host}, port {port}: cannot listen there ({error.strerror}); choose another port") from error
    return listening
