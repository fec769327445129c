"""The command line: `walkprint VERB`; one module per verb, loaded when it is called, so that help is quick.

Exit codes: 0 done, 2 something the user can mend (one line on stderr says what), 130 interrupted.
"""

import importlib
import json
import sys
from collections.abc import Sequence

from walkprint import __version__
from walkprint.core.spelling import nearest

VERBS = {
    "demo": "render people, train a small recognizer, evaluate it, write an HTML report",
    "walkers": "render the bundled benchmark of walking people",
    "segment": "find people in videos, follow them, pack their silhouettes",
    "prepare": "pack a data set into a store that training and embedding read",
    "train": "train a network by a recipe, or go on with a run",
    "train-generator": "train a generator of a rare condition by a recipe, or go on with a run",
    "expand": "add generated takes of a rare condition to a data set",
    "embed": "turn sequences into embeddings with a trained network",
    "evaluate": "identify and verify by a protocol: tables, curves, intervals",
    "import-opengait": "a checkpoint of OpenGait becomes a trained network of ours",
    "import-gaitnet": "a published file of GaitNet becomes a trained network of ours",
    "import-opengait-config": "a configuration of OpenGait becomes a recipe",
    "study": "compare many trainings, cell by cell: tables with paired differences, one report",
    "report": "one HTML page from the figures of one or several evaluations",
}
EXAMPLE = "example: walkprint demo --quick --out demo"


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command line.

    Args:
        argv: words after `walkprint`; those of the process when None.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in {"-h", "--help"}:
        sys.stdout.write(_help())
        return 0 if words else 2
    if words[0] == "--version":
        sys.stdout.write(f"walkprint {__version__}\n")
        return 0
    if words[0] not in VERBS:
        return _refuse(f"unknown verb {words[0]!r}; expected one of {', '.join(VERBS)}{nearest(words[0], VERBS)}")
    return _carry_out(words[0], words[1:])


def _carry_out(verb: str, words: list[str]) -> int:
    from walkprint.cli.process import keep_freed_memory, let_waiting_threads_sleep

    keep_freed_memory()
    let_waiting_threads_sleep()
    from walkprint.cli.words import BadWordsError
    from walkprint.core.errors import GaitError

    as_json = "--json" in words
    try:
        module = importlib.import_module(f"walkprint.cli.{verb.replace('-', '_')}")
        summary = module.main([word for word in words if word != "--json"])
    except (GaitError, BadWordsError) as error:
        return _refuse(str(error), f"; see walkprint {verb} --help" if isinstance(error, BadWordsError) else "")
    except KeyboardInterrupt:
        sys.stderr.write("walkprint: interrupted\n")
        return 130
    except SystemExit as end:  # help was asked for and printed
        return int(end.code or 0)
    except BrokenPipeError:
        return 0
    except OSError as error:  # a place that cannot be written, a full disk
        return _refuse(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    if summary is not None:  # of several processes that train together, all but the first are silent
        sys.stdout.write(json.dumps(summary.numbers) + "\n" if as_json else summary.text.rstrip("\n") + "\n")
    return 0


def _refuse(message: str, advice: str = "") -> int:
    sys.stderr.write(f"walkprint: error: {' '.join(message.split())}{advice}\n")
    return 2


def _help() -> str:
    width = max(map(len, VERBS))
    verbs = "\n".join(f"  {verb:<{width}}  {what}" for verb, what in VERBS.items())
    return (
        "usage: walkprint VERB ...\n\n"
        "Gait recognition: silhouettes in, a trained recognizer and an honest table out.\n\n"
        f"verbs:\n{verbs}\n\n--version prints the version. Every verb has --help with an example, and --json, which\n"
        f"prints one JSON object on stdout and everything else on stderr.\n\n{EXAMPLE}\n"
    )
