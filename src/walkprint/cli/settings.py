"""What `--set` gives, and inputs that must be there: checked before anything heavy is loaded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from walkprint.cli.values import UsageError
from walkprint.core.errors import DataError
from walkprint.core.spelling import did_you_mean


def settings_of(settings: Mapping[str, Any] | None, *options: str) -> list[dict[str, Any]]:
    """The settings of what options name, one map for each option.

    Args:
        settings: by dotted names that begin with an option's: {"data.train": "40"}. Values may be text as it is typed;
            the constructor's annotations decide what it means.
        options: those that are given.

    Raises:
        UsageError: a setting belongs to none of the options.
    """
    found: dict[str, dict[str, Any]] = {option: {} for option in options}
    for name, value in (settings or {}).items():
        option, _, setting = name.partition(".")
        if option not in found or not setting:
            known = " or ".join(f"{one}.NAME=VALUE" for one in options)
            raise UsageError(f"--set {name}: expected {known or f'--{option} beside it'}")
        found[option][setting] = value
    return list(found.values())


def check_there(path: Path, advice: str = "") -> None:
    """Refuse a file or folder that is not there.

    Raises:
        DataError: names it, and the one beside it with the nearest spelling.
    """
    if not path.exists():
        beside = {str(one) for one in path.parent.glob("*")} if path.parent.is_dir() else set()
        raise DataError(f"{path}: no such file or folder{did_you_mean(str(path), beside) or advice}")
