"""`walkprint gallery`: look after the people who are known."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from walkprint.cli.known_people import Place, Seeing
from walkprint.cli.values import UsageError
from walkprint.cli.verb import Summary

if TYPE_CHECKING:
    from walkprint.gallery import Gallery

Action = Literal["list", "show", "forget", "export", "merge", "verify", "journal", "backup", "re-embed"]


def gallery(
    action: Action,
    *,
    name: str | None = None,
    file: Path | None = None,
    place: Place,
    seeing: Seeing,
) -> Summary:
    """Look after the people who are known: list, show, forget, export, merge, verify, journal, backup, re-embed.

    `forget` deletes a person for good. `verify` checks the file and the journal's chain. `re-embed` makes all
    embeddings anew with another network, from silhouettes that were kept.

    Args:
        action: what to do.
        name: the person of show, forget, and export (all people without).
        file: what export writes, or merge reads.
        place: where people are known.
        seeing: network of re-embed.

    Example:
        walkprint gallery forget --name Anna
    """
    for option, given, needed in (("name", name, ("show", "forget")), ("file", file, ("export", "merge"))):
        if action in needed and given is None:
            raise UsageError(f"{action} needs --{option}")
    if action == "re-embed":
        count = seeing.recognizer(place, adopt=True).re_embed()
        return Summary({"walks": count}, f"{place.gallery}: {count} walks embedded again by {seeing.network}")
    with place.open() as known:
        if action == "merge" and file is not None:
            with replace(place, gallery=file).open() as other:
                count = known.merge(other, asked_by=place.who)
            return Summary({"walks": count}, f"{place.gallery}: {count} walks more")
        numbers, lines = _done(known, action, name, file, place.who)
        return Summary(numbers, "\n".join(lines))


def _done(
    known: "Gallery", action: str, name: str | None, file: Path | None, who: str
) -> tuple[dict[str, Any], list[str]]:
    numbers: dict[str, Any]
    if action == "list":
        people = known.people()
        lines = [f"{one.name}  {one.walks} walks, {one.frames} frames, since {one.added[:10]}" for one in people]
        numbers = {"people": [asdict(one) for one in people]}
        lines = lines or ["no person is known"]
    elif action == "show" and name is not None:
        person, walks = known.person(name), known.walks(name)
        lines = [f"{field}: {value}" for field, value in asdict(person).items()]
        lines += [f"  {one.added[:19]}  {one.frames} frames  {one.view}  quality {one.quality}" for one in walks]
        numbers = {**asdict(person), "list": [asdict(one) for one in walks]}
    elif action == "forget" and name is not None:
        known.forget(name, asked_by=who)
        numbers, lines = (
            {"forgotten": name, "people": len(known)},
            [f"{name}: forgotten; {len(known)} people are known"],
        )
    elif action == "export" and file is not None:
        count = known.export(file, None if name is None else [name], asked_by=who)
        numbers, lines = (
            {"people": count, "file": str(file)},
            [f"{file}: {count} people; forget does not reach this copy"],
        )
    elif action == "backup":
        copy = known.backup()
        numbers, lines = {"file": str(copy)}, [f"{copy}: a copy; people who are forgotten leave it too"]
    elif action == "journal":
        events = known.journal()
        lines = [f"{one.number}  {one.ended}  {one.action}  {one.asked_by}  {' '.join(one.people)}" for one in events]
        numbers = {"events": [asdict(one) for one in events]}
    else:
        known.check()
        count, last = known.verify_journal()
        numbers = {"lines": count, "digest": last}
        lines = [f"{known.path}: sound; {count} lines in the journal, the last is {last}"]
    return numbers, lines
