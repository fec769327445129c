"""What a step from files to files reports."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Summary:
    """What was done: as data, and in words.

    Attributes:
        numbers: plain data, for JSON.
        text: the same for people, in lines; `str` gives it.
        verbatim: the text is a file or documentation, to be shown as it is.
    """

    numbers: dict[str, Any]
    text: str
    verbatim: bool = False

    def __str__(self) -> str:
        return self.text


def counted(count: int, noun: str, several: str = "") -> str:
    """A number with its noun: "1 walk", "2 walks"; `several` is the plural of an irregular one."""
    return f"{count:,} {noun if count == 1 else several or f'{noun}s'}"
