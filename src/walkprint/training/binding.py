"""What a checkpoint is bound to: the settings of its run, and the data that it was trained on."""

import hashlib
import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from walkprint.core.errors import DataError, RecipeError
from walkprint.data.store import Store

_SHOWN, _LONGEST = 4, 80
_ELSE = "name another folder, or delete this one"
_STEPS = {
    "scheduler.init_args.steps": "the learning rate is planned over all steps, so more of them are another training; "
    "to go on from the finished network, name it as init of another run",
    "steps": "the stages of a generator share the steps, so more of them are another training",
}


def data_of(batches: object) -> dict[str, Any]:
    """What shows whether a run's data are still the same: the store's fingerprint, and the training sequences.

    Returns:
        Plain data; empty where batches do not come from a store.
    """
    store = getattr(batches, "store", None)
    if not isinstance(store, Store):
        return {}
    keys = getattr(batches, "keys", ())
    names = hashlib.sha256("\n".join(map(str, keys)).encode()).hexdigest()
    return {"store": store.fingerprint, "sequences": len(keys), "names": names, "path": str(store.path)}


def check_data(known: Mapping[str, Any], data: Mapping[str, Any], run: str) -> None:
    """Refuse other data than a run began with, wherever they lie; where one is unknown, nothing is checked.

    Raises:
        DataError: says how they differ.
    """
    differing = [name for name in ("sequences", "names", "store") if known.get(name) != data.get(name)]
    if not known or not data or not differing:
        return
    how = {
        "sequences": f"{known['sequences']} training sequences, now {data['sequences']}",
        "names": f"other training sequences, though {data['sequences']} as now",
        "store": f"other frames, or in another packing, than the {data['sequences']} training sequences have now",
    }[differing[0]]
    raise DataError(
        f"{data['path']}: not the data that {run} began with ({how}; it lay in {known['path']}); use those data, or "
        f"{_ELSE}"
    )


def check_record(before: Mapping[str, Any], now: Mapping[str, Any], done: int, run: str, known_data: bool) -> None:
    """Refuse other settings than a run began with.

    Args:
        before: what it began with.
        now: plain data.
        done: its finished steps; `schedule.steps` may be any number that is not below.
        run: its name in the message.
        known_data: whether the data are known to be the same, so that they may lie elsewhere.

    Raises:
        RecipeError: names the settings that differ.
    """
    before = deepcopy(dict(before))
    old, new = (record.get("schedule") for record in (before, now))
    if isinstance(old, dict) and isinstance(new, Mapping) and new.get("steps", 0) >= done:
        old["steps"] = new["steps"]
    old, new = (record.get("data") for record in (before, now))
    if known_data and isinstance(old, dict) and isinstance(new, Mapping):
        old["root"] = new.get("root")
    if _comparable(before) == _comparable(now):
        return
    old, new = _flat(before), _flat(json.loads(json.dumps(now)))
    names = [name for name in {**old, **new} if old.get(name, "null") != new.get(name, "null")]
    shown = [f"{name}: {_short(old.get(name))} -> {_short(new.get(name))}" for name in names[:_SHOWN]]
    if len(names) > _SHOWN:
        shown.append(f"{len(names) - _SHOWN} more")
    differences = ", ".join(shown) or "the order of its losses"
    why = "".join(f"; {_STEPS[name]}" for name in names if name in _STEPS)
    raise RecipeError(f"{run}: this run began with another recipe ({differences}){why}; {_ELSE}")


def _comparable(record: Mapping[str, Any]) -> str:
    """Without nulls, and in order of the names, but for losses, which are added up in their own order."""
    parts = {name: _plain(one, ordered=name == "losses") for name, one in record.items() if one is not None}
    return json.dumps(dict(sorted(parts.items())))


def _plain(value: Any, *, ordered: bool = False) -> Any:
    if isinstance(value, Mapping):
        names = [name for name, one in value.items() if one is not None]
        return {name: _plain(value[name]) for name in (names if ordered else sorted(names))}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _flat(value: Any, name: str = "") -> dict[str, str]:
    """Nested settings as dotted names, each with its value as JSON, in which 1 and 1.0 differ."""
    inner: list[tuple[Any, Any]] = list(value.items()) if isinstance(value, Mapping) else []
    if isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        inner = list(enumerate(value))
    if not inner:
        return {name: json.dumps(value, ensure_ascii=False, default=str)}
    return {path: text for key, one in inner for path, text in _flat(one, f"{name}.{key}".lstrip(".")).items()}


def _short(text: str | None) -> str:
    text = "absent" if text is None else text
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
