"""How walks are cut out of tracks."""

from dataclasses import dataclass

from walkprint.core.bounds import Checked, Fraction, Frames, NonNegative, SizePx
from walkprint.core.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut(Checked):
    """How walks are cut out.

    Attributes:
        size_px: height and width of the aligned frames, even.
        color: keep masked RGB pictures; a store then holds them instead of silhouettes.
        gaitnet_crop: crop the pictures as GaitNet's authors do instead of aligning them: twice as high as wide, 1.5
            times as high as the centered person.
        least_frames: shorter walks are left out.
        most_frames: longer walks are split, so memory does not grow with the video.
        gap_s: maximum gap in seconds; never shorter than one frame.
        least_score: masks with a lower score are not used.

    Raises:
        DataError: a number is out of range.
    """

    size_px: SizePx = 64
    color: bool = False
    gaitnet_crop: bool = False
    least_frames: Frames = 15
    most_frames: Frames = 500
    gap_s: NonNegative = 0.3
    least_score: Fraction = 0.5

    def __post_init__(self) -> None:
        Checked.__post_init__(self)
        if self.size_px % 2:
            raise DataError(f"walks: size_px is {self.size_px}, expected an even number of pixels")
        if self.gaitnet_crop and not self.color:
            raise DataError("walks: gaitnet_crop without color; it crops color pictures: set both")
        if self.least_frames > self.most_frames:
            raise DataError(
                f"walks: least_frames {self.least_frames} is above most_frames {self.most_frames}; lower it"
            )
