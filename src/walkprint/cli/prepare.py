"""`walkprint prepare`: a data set on disk becomes a packed store."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from walkprint.cli.words import Summary, new_parser, parse, progress, spelled_out
from walkprint.core.share import parse_share
from walkprint.data.base import GaitDataset
from walkprint.data.prepare import pack
from walkprint.recipes.classes import import_families, instantiate

EXAMPLE = "walkprint prepare CasiaB --root data/casia-b --out stores/casia-b"


def main(words: Sequence[str]) -> Summary:
    """Carry out the words after `prepare`."""
    import_families()
    parser = new_parser(
        "prepare",
        "Pack a data set: walkprint prepare CLASS --root FOLDER --out STORE. CLASS is CasiaB, Folder, OpenGaitTree, or "
        "your own by its dotted path; its other settings are options too, say --data.size_px 128. Stopped and called "
        "again, it goes on.",
        EXAMPLE,
    )
    parser.add_argument("--data", type=GaitDataset, required=True, help="The data set's class, or the first word.")
    parser.add_argument("--out", type=Path, required=True, help="Folder of the store to be.")
    parser.add_argument("--bits", type=Literal[8, 1], default=8, help="8 keeps soft edges, 1 makes the store smaller.")
    parser.add_argument("--compression", type=Literal["none", "zstd"], default="none", help="Of each sequence.")
    parser.add_argument("--shard", type=str, default="0/1", help="i/n: every n-th sequence from the i-th, from 0.")
    parser.add_argument("--strict", type=bool, default=False, help="Stop at the first file unreadable or astray.")
    parser.add_argument("--workers", type=int | None, default=None, help="Processes; as many as cores when null.")
    settings = parse(parser, class_first(spelled_out(words, ["strict"])))
    share = parse_share(settings.shard)
    dataset = instantiate(parser, settings)["data"]
    with progress("preparing", None) as tell:
        report = pack(
            dataset,
            settings.out,
            bits=settings.bits,
            compression=None if settings.compression == "none" else settings.compression,
            workers=settings.workers,
            share=share,
            strict=settings.strict,
            progress=tell,
        )
    return Summary(report.to_dict(), str(report))


def class_first(words: Sequence[str]) -> list[str]:
    """Words with the class as `--data`, and the short `--root` as the data set's setting that it is."""
    spelled = [re.sub(r"^--root(?==|$)", "--data.root", word) for word in words]
    if spelled and not spelled[0].startswith("-"):
        spelled.insert(0, "--data")
    return spelled
