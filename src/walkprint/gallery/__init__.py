"""Floor 2: who is known: people and their walks in one SQLite file, with a journal of every question."""

from walkprint.gallery.binding import Binding
from walkprint.gallery.gallery import Gallery
from walkprint.gallery.records import KnownWalk, NewWalk, Person, Templates

__all__ = ["Binding", "Gallery", "KnownWalk", "NewWalk", "Person", "Templates"]
