"""`walkprint enroll`: a person becomes known."""

from pathlib import Path

from walkprint.core.files import check_there
from walkprint.core.progress import progress
from walkprint.core.summary import Summary
from walkprint.recognizer.opening import Place, Seeing


def enroll(
    videos: list[Path],
    *,
    name: str,
    consent: str = "",
    expires: str | None = None,
    keep_silhouettes: bool = False,
    place: Place,
    seeing: Seeing,
) -> Summary:
    """Enroll a person by videos that show this person alone.

    Args:
        videos: video files or folders of pictures.
        name: the person's name; more videos can be added later.
        consent: a note on the person's consent, e.g. when it was given, and for what.
        expires: last day to keep the person, e.g. 2027-12-31; then the person is deleted.
        keep_silhouettes: keep the silhouettes, so that another network can embed them later.
        place: where people are known.
        seeing: what sees people.

    Example:
        walkprint enroll anna.mp4 --name Anna --consent "signed on 1 May"
    """
    check_there(*videos)
    recognizer = seeing.recognizer(place)
    with progress("enrolling") as on_progress:
        person = recognizer.enroll(
            list(videos), name, consent=consent, expires=expires, keep_silhouettes=keep_silhouettes,
            hook=lambda frame, _: on_progress(frame.number + 1, None),
        )  # fmt: skip
    text = f"{place.gallery}: {person}"
    numbers = {"name": person.name, "id": person.id, "walks": person.walks, "frames": person.frames}
    return Summary(numbers, text)
