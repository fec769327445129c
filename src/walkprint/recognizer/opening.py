"""A gallery and a recognizer from names and files: what every verb about known people takes."""

import getpass
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from walkprint.core.files import check_there

if TYPE_CHECKING:
    from walkprint.gallery import Gallery
    from walkprint.recognizer.recognizer import Recognizer

_KEY_VARIABLE = "WALKPRINT_GALLERY_KEY"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where people are known.

    Attributes:
        gallery: file with the enrolled people.
        key_file: file with the key of an encrypted gallery, 64 hexadecimal digits; by default the key is taken from the
            variable WALKPRINT_GALLERY_KEY.
        asked_by: who asks, for the journal; your login name by default.
    """

    gallery: Path = Path("people.gallery")
    key_file: Path | None = None
    asked_by: str = ""

    @property
    def who(self) -> str:
        """For the journal; "" where the system knows no login name."""
        try:
            return self.asked_by or getpass.getuser()
        except (OSError, KeyError, ImportError):
            return ""

    @property
    def key(self) -> bytes | None:
        """The key, if there is one."""
        from walkprint.gallery.cipher import parse_key, read_key

        typed = os.environ.get(_KEY_VARIABLE)
        return read_key(self.key_file) if self.key_file else parse_key(typed) if typed else None

    def check(self) -> None:
        """Refuse a gallery that is not there."""
        check_there(self.gallery, advice="; make it with `enroll`")

    def open(self) -> "Gallery":
        """The gallery, which must be there."""
        self.check()
        from walkprint.gallery import Gallery

        return Gallery.open(self.gallery, key=self.key)


@dataclass(frozen=True, kw_only=True)
class Sites:
    """What was calibrated of cameras.

    Attributes:
        site: site (a file of `walkprint calibrate`) of the camera that identifies.
        gallery_site: site of the camera where people were enrolled, if that is another one.
    """

    site: Path | None = None
    gallery_site: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Seeing:
    """What sees people and tells them apart.

    Attributes:
        network: name of a bundled network, or the folder of a run.
        segmenter: Background, MediaPipe, MaskRcnn, Onnx, or a class of yours by its dotted path.
    """

    network: str = "street"
    segmenter: str = "MediaPipe"

    def recognizer(
        self, place: Place, sites: Sites | None = None, *, known: bool = False, adopt: bool = False
    ) -> "Recognizer":
        """Gallery, network and segmenter together.

        Args:
            place: where people are known.
            sites: of the cameras; none if None.
            known: refuse a gallery that is not there instead of making one.
            adopt: accept one of another network, to embed it again.
        """
        if known or adopt:
            place.check()
        sites = sites or Sites()
        check_there(sites.site, sites.gallery_site, advice="; make it with `calibrate`")
        from walkprint.evaluation import Site
        from walkprint.recipes.classes import build_segmenter
        from walkprint.recognizer.recognizer import Recognizer

        return Recognizer(
            place.gallery,
            self.network,
            site=None if sites.site is None else Site.load(sites.site),
            gallery_site=None if sites.gallery_site is None else Site.load(sites.gallery_site),
            segmenter=build_segmenter(self.segmenter, {}),
            asked_by=place.who,
            key=place.key,
            adopt=adopt,
        )
