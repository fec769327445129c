"""What a server takes on before it refuses."""

from dataclasses import dataclass

from walkprint.core.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds for requests and for the process that reads a video.

    Attributes:
        upload_mb: largest upload, in million bytes.
        video_s: longest video.
        frame_px: most pixels of a frame; by default those of a 4K video.
        job_s: most time for one video; its process is killed afterwards.
        memory_mb: address space of such a process, in million bytes.
        jobs: videos read at a time.
        waiting: videos that may wait; further ones are refused.
        requests_hz: requests a second from one address; four seconds' worth may come at once.

    Raises:
        DataError: a number is not above 0.
    """

    upload_mb: int = 200
    video_s: float = 300.0
    frame_px: int = 3840 * 2160
    job_s: float = 600.0
    memory_mb: int = 4000
    jobs: int = 2
    waiting: int = 32
    requests_hz: float = 30.0

    def __post_init__(self) -> None:
        wrong = {name: value for name, value in vars(self).items() if not value > 0}
        if wrong:
            found = ", ".join(f"{name} {value}" for name, value in wrong.items())
            raise DataError(f"limits: {found}; expected numbers above 0")
