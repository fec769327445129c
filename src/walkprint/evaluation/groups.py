"""Figures of groups of people, e.g. by sex or age: each group's probes against the whole gallery.

Source of the question, figures of each group with their uncertainty: ISO/IEC 19795-10.
"""

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import DataError, ProtocolError
from walkprint.core.protocol import Protocol


def read_groups(path: str | Path) -> dict[str, str]:
    """Subject -> group, from a CSV file with the columns subject and group.

    Raises:
        DataError: it cannot be read, has other columns, or names a subject twice.
    """
    groups: dict[str, str] = {}
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                subject, group = (row[name].strip() for name in ("subject", "group"))
                if not subject or not group or subject in groups:
                    raise ValueError(f"subject {subject!r} in group {group!r}")
                groups[subject] = group
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: no groups ({error}); expected CSV with subject,group, each once") from error
    return groups


def by_group(protocol: Protocol, groups: Mapping[str, str], embeddings: EmbeddingSet) -> Protocol:
    """The protocol with each probe set split by group after it; the gallery stays whole.

    Args:
        protocol: to split.
        groups: subject -> group; subjects without one are in the undivided probe sets only.
        embeddings: whose subjects count.

    Raises:
        ProtocolError: no subject has a group.
    """
    members: dict[str, list[str]] = {}
    for subject in sorted({key.subject for key in embeddings.keys} & groups.keys()):
        members.setdefault(groups[subject], []).append(subject)
    if not members:
        raise ProtocolError(
            f"groups: none of {len(groups)} subjects is among the embeddings, e.g. {next(iter(groups), 'none')!r}; "
            "name subjects as the embeddings do"
        )
    probes, galleries = {}, {}
    for name, selection in protocol.probes.items():
        probes[name] = selection
        for group, inside in sorted(members.items()):
            chosen = [one for one in inside if selection.subjects is None or one in selection.subjects]
            probes[f"{name}, {group}"] = replace(selection, subjects=tuple(chosen))
            galleries[f"{name}, {group}"] = protocol.gallery_of(name)
    kept = {**protocol.galleries, **galleries} if protocol.galleries else {}
    return replace(protocol, probes=probes, galleries=kept)
