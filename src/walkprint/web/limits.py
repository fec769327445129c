"""What a server takes on before it refuses."""

from dataclasses import dataclass

from walkprint.core.bounds import Checked, Count, Positive


@dataclass(frozen=True, kw_only=True)
class Limits(Checked):
    """Bounds for requests and for the process that reads a video.

    Attributes:
        upload_mb: largest upload, in million bytes.
        video_s: longest video, in seconds.
        frame_px: most pixels of a frame; by default those of a 4K video.
        job_s: longest time for one video, in seconds; then its process is killed.
        memory_mb: address space of such a process, in million bytes.
        jobs: videos processed at a time.
        waiting: videos that may wait; more are refused.
        requests_hz: requests per second from one address; four seconds' worth may come at once.

    Raises:
        RecipeError: a number is not above 0.
    """

    upload_mb: Count = 200
    video_s: Positive = 300.0
    frame_px: Count = 3840 * 2160
    job_s: Positive = 600.0
    memory_mb: Count = 4000
    jobs: Count = 2
    waiting: Count = 32
    requests_hz: Positive = 30.0
