"""Who walked there? Videos in, names out, or "unknown": the room above networks, evaluation and video.

Source of the question's form, open-set identification with a rate of false positives over a gallery: ISO/IEC 19795-1.
"""

from walkprint.recognizer.recognizer import Recognizer
from walkprint.recognizer.sighting import Candidate, Sighting

__all__ = ["Candidate", "Recognizer", "Sighting"]
