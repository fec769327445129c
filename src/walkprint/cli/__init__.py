"""The command line: `walkprint VERB`; one plain typed function per verb, here in a module of its name or in `recipes`.

A verb's module loads nothing heavy; the function does, once its words are known to fit. So help and refusals are quick.
Exit codes: 0 done, 2 something the user can mend (one line on stderr says what), 130 interrupted, 143 and
others above 128 where a signal ended it; a training is saved before.
"""

import importlib
import json
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from walkprint import __version__
from walkprint.cli.process import make_output_safe, say_warnings_in_one_line, show
from walkprint.cli.values import UsageError
from walkprint.cli.verb import Verb
from walkprint.core.errors import ArgumentError, GaitError, NotImportedError, Stopped
from walkprint.core.files import printable
from walkprint.core.process import keep_freed_memory, let_waiting_threads_sleep
from walkprint.core.spelling import did_you_mean

VERBS = (
    "demo", "enroll", "identify", "watch", "serve", "gallery", "walkers", "segment", "prepare", "recipes", "explain",
    "train", "train-generator", "expand", "models", "export", "embed", "calibrate", "evaluate", "compare", "report",
    "study", "import-opengait", "import-gaitnet", "import-opengait-config", "completion",
)  # fmt: skip
_STEPS = {
    "segment": "recipes.segmentation.segment_to_store",
    "walkers": "recipes.walkers.walkers_to_store",
    "expand": "recipes.expansion.expand_to_store",
    "embed": "recipes.embedding.embed_to_file",
    "evaluate": "recipes.evaluation.evaluate_files",
}
_NEXT = {
    "segment": "embed --run {run} --data {out} --out embeddings.npz",
    "train": "embed --run {run} --out FILE.npz",
    "embed": "evaluate --embeddings {out} --out DIR",
    "export": "embed --run {out} --data STORE --out FILE.npz",
    "import-opengait": "embed --run {out} --data stores/casia-b --out FILE.npz",
    "import-gaitnet": "embed --run {out} --data stores/fvg --out FILE.npz",
    "enroll": "identify VIDEO --gallery {gallery}",
}
_LONGEST = 2000


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command line.

    Args:
        argv: words after `walkprint`; those of the process when None.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    make_output_safe()
    say_warnings_in_one_line()
    try:
        if not words or words[0] in {"-h", "--help"}:
            show(_help())
            return 0 if words else 2
        if words[0] == "--version":
            show(f"walkprint {__version__}")
            return 0
        if words[0] in VERBS:
            return _carry_out(find_verb(words[0]), words[1:])
    except OSError as error:  # a place that cannot be written, a full disk
        return _refuse(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    return _refuse(f"unknown verb {words[0]!r}; expected one of {', '.join(VERBS)}{did_you_mean(words[0], VERBS)}")


def find_verb(name: str) -> Verb:
    """The verb of a name."""
    function = name.replace("-", "_")
    module, _, function = _STEPS.get(name, f"cli.{function}.{function}").rpartition(".")
    return Verb(getattr(importlib.import_module(f"walkprint.{module}"), function), name)


def _carry_out(verb: Verb, words: Sequence[str]) -> int:
    try:
        given, as_json = verb.parse(words)
        keep_freed_memory()
        let_waiting_threads_sleep()
        summary = verb.call(given)
        if summary is not None:  # of several processes that train together, all but the first are silent
            said = str(summary) if summary.verbatim else _as_typed(str(summary), verb)
            text = f"{said}{_next(verb, given, summary.numbers)}"
            show(json.dumps(summary.numbers) if as_json else text.rstrip("\n"))
    except (UsageError, ArgumentError) as error:
        return _refuse(f"{_as_typed(str(error), verb)}; see walkprint {verb.name} --help")
    except NotImportedError as error:
        return _refuse(f"{error}: --import {error.module}")
    except GaitError as error:
        return _refuse(_as_typed(str(error), verb))
    except KeyboardInterrupt:
        sys.stderr.write("walkprint: interrupted\n")
        return 130
    except SystemExit as end:  # help was asked for and printed, or a signal stopped a training
        sys.stderr.write(f"walkprint: {end}\n" if isinstance(end, Stopped) else "")
        show("")
        return int(end.code or 0)
    return 0


def _as_typed(text: str, verb: Verb) -> str:
    """A text of the library; the arguments and steps that stand in backticks as they are typed."""

    def typed(found: re.Match[str]) -> str:
        option = verb.options.get(found[1])
        return option.shown if option else f"`walkprint {found[1]}`" if found[1] in VERBS else found[0]

    return re.sub(r"`([\w-]+)`", typed, text)


def _next(verb: Verb, given: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """The line that says what comes next."""
    if verb.name not in _NEXT:
        return ""
    values = {name: option.default for name, option in verb.options.items()} | {**given, **found}
    return f"\nnext: walkprint {_NEXT[verb.name].format_map({a: shlex.quote(str(b)) for a, b in values.items()})}"


def _refuse(message: str) -> int:
    line = " ".join(message.split())
    sys.stderr.write(f"walkprint: error: {printable(line[:_LONGEST])}{'...' if len(line) > _LONGEST else ''}\n")
    return 2


def _help() -> str:
    width = max(map(len, VERBS))
    verbs = "\n".join(f"  {verb:<{width}}  {find_verb(verb).summary}" for verb in VERBS)
    return (
        "usage: walkprint VERB ...\n\n"
        "Recognize people by the way they walk, and train and evaluate networks for it.\n\n"
        f"verbs:\n{verbs}\n\n--version prints the version. Every verb has --help with an example, and --json, which\n"
        "prints one JSON object on stdout and everything else on stderr.\n\n"
        "example: walkprint demo --quick --out demo"
    )
