"""`walkprint gallery`: look after the people who are known."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from walkprint.cli.values import UsageError
from walkprint.core.summary import Summary, counted
from walkprint.recognizer.opening import Place, Seeing

if TYPE_CHECKING:
    from walkprint.gallery import Gallery

Action = Literal["list", "show", "amend", "forget", "export", "merge", "verify", "journal", "backup", "re-embed"]


def gallery(
    action: Action,
    *,
    name: str | None = None,
    consent: str = "",
    expires: str | None = None,
    file: Path | None = None,
    network: str = "street",
    place: Place,
) -> Summary:
    """Manage the enrolled people: list, show, amend, forget, export, merge, verify, journal, backup, re-embed.

    `amend` changes the note on a person's consent, or the last day. `forget` deletes a person for good. `verify` checks
    the file and the journal. `re-embed` computes all embeddings again with another network, from silhouettes that were
    kept.

    Args:
        action: what to do.
        name: the person to show, amend, forget or export; without it, export takes all people.
        consent: for amend, the new note on the person's consent.
        expires: for amend, the new last day to keep the person, e.g. 2027-12-31; or "never".
        file: the gallery file that export writes or merge reads.
        network: for re-embed, the name of a bundled network, or the folder of a run.
        place: where people are known.

    Example:
        walkprint gallery amend --name Anna --expires 2028-12-31
        walkprint gallery forget --name Anna
    """
    for option, given, needed in (("name", name, ("show", "amend", "forget")), ("file", file, ("export", "merge"))):
        if action in needed and given is None:
            raise UsageError(f"{action} needs --{option}")
    for option, given in (("consent", consent), ("expires", expires)):
        if given and action != "amend":
            raise UsageError(f"{action} takes no --{option}; amend changes it")
    if action == "re-embed":
        count = Seeing(network=network).recognizer(place, adopt=True).re_embed()
        return Summary({"walks": count}, f"{place.gallery}: {counted(count, 'walk')} embedded by {network}")
    with place.open() as known:
        if action == "merge" and file is not None:
            with replace(place, gallery=file).open() as other:
                count = known.merge(other, asked_by=place.who)
            return Summary({"walks": count}, f"{place.gallery}: {counted(count, 'walk')} more")
        if action == "amend":
            person = known.amend(str(name), consent=consent, expires=expires, asked_by=place.who)
            return Summary(asdict(person), f"{person}; kept until {person.expires or 'forgotten'}")
        numbers, lines = _done(known, action, name, file, place.who)
        return Summary(numbers, "\n".join(lines))


def _done(  # noqa: PLR0911 - one for each action
    known: "Gallery", action: str, name: str | None, file: Path | None, who: str
) -> tuple[dict[str, Any], list[str]]:
    if action == "list":
        people = known.people()
        lines = [f"{one}, since {one.added[:10]}" for one in people]
        return {"people": [asdict(one) for one in people]}, lines or ["no person is known"]
    if action == "show":
        person, walks = asdict(known.person(str(name))), known.walks(str(name))
        lines = [f"{field}: {value}" for field, value in person.items() if value not in (None, "")]
        lines += [f"  {one.added[:19]}  {one.frames} frames  {one.view}  quality {one.quality}" for one in walks]
        return {**person, "list": [asdict(one) for one in walks]}, lines
    if action == "forget":
        known.forget(str(name), asked_by=who)
        return {"forgotten": name, "people": len(known)}, [f"{name}: forgotten; known: {len(known)}"]
    if action == "export":
        count = known.export(file or Path(), None if name is None else [name], asked_by=who)
        return {"people": count, "file": str(file)}, [
            f"{file}: {counted(count, 'person', 'people')}; forget does not reach this copy"
        ]
    if action == "backup":
        copy = known.backup()
        return {"file": str(copy)}, [f"{copy}: a copy; people who are forgotten leave it too"]
    if action == "journal":
        events = known.journal()
        lines = [
            f"{one.number}  {one.ended}  {one.action}  {one.asked_by or '-'}  {' '.join(one.people)}" for one in events
        ]
        return {"events": [asdict(one) for one in events]}, lines
    known.check()
    count, last = known.verify_journal()
    text = f"{known.path}: sound; {count} lines in the journal, the last is {last}"
    return {"lines": count, "digest": last}, [text]
