"""The command line: `walkprint VERB`; one plain typed function per verb, in a module of its name.

A verb's module loads nothing heavy; the function does, once its words are known to fit. So help and refusals are quick.
Exit codes: 0 done, 2 something the user can mend (one line on stderr says what), 130 interrupted, 143 and
others above 128 where a signal ended it; a training is saved before.
"""

import importlib
import json
import sys
from collections.abc import Sequence

from walkprint import __version__
from walkprint.cli.process import keep_freed_memory, let_waiting_threads_sleep, make_output_safe, show
from walkprint.cli.values import UsageError
from walkprint.cli.verb import Verb
from walkprint.core.errors import GaitError, NotImportedError, Stopped
from walkprint.core.files import printable
from walkprint.core.spelling import did_you_mean

VERBS = (
    "demo", "enroll", "identify", "watch", "serve", "gallery", "walkers", "segment", "prepare", "recipes", "explain",
    "train", "train-generator", "expand", "models", "export", "embed", "calibrate", "evaluate", "compare", "report",
    "study", "import-opengait", "import-gaitnet", "import-opengait-config", "completion",
)  # fmt: skip
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
    return Verb(getattr(importlib.import_module(f"walkprint.cli.{function}"), function), name)


def _carry_out(verb: Verb, words: Sequence[str]) -> int:
    try:
        given, as_json = verb.parse(words)
        keep_freed_memory()
        let_waiting_threads_sleep()
        summary = verb.call(given)
        if summary is not None:  # of several processes that train together, all but the first are silent
            show(json.dumps(summary.numbers) if as_json else summary.text.rstrip("\n"))
    except UsageError as error:
        return _refuse(f"{error}; see walkprint {verb.name} --help")
    except GaitError as error:
        return _refuse(f"{error}: --import {error.module}" if isinstance(error, NotImportedError) else str(error))
    except KeyboardInterrupt:
        sys.stderr.write("walkprint: interrupted\n")
        return 130
    except SystemExit as end:  # help was asked for and printed, or a signal stopped a training
        sys.stderr.write(f"walkprint: {end}\n" if isinstance(end, Stopped) else "")
        show("")
        return int(end.code or 0)
    return 0


def _refuse(message: str) -> int:
    line = " ".join(message.split())
    sys.stderr.write(f"walkprint: error: {printable(line[:_LONGEST])}{'...' if len(line) > _LONGEST else ''}\n")
    return 2


def _help() -> str:
    width = max(map(len, VERBS))
    verbs = "\n".join(f"  {verb:<{width}}  {find_verb(verb).summary}" for verb in VERBS)
    return (
        "usage: walkprint VERB ...\n\n"
        "Gait recognition: silhouettes in, a trained recognizer and an honest table out.\n\n"
        f"verbs:\n{verbs}\n\n--version prints the version. Every verb has --help with an example, and --json, which\n"
        "prints one JSON object on stdout and everything else on stderr.\n\n"
        "example: walkprint demo --quick --out demo"
    )
