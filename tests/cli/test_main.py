"""The shell around the verbs: help, exit codes, one line per error, JSON alone on stdout."""

import functools
import json
import os
import platform
import subprocess
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from walkprint import cli
from walkprint.cli.process import keep_freed_memory
from walkprint.cli.words import BadWordsError, Summary, carry_out, spelled_out
from walkprint.core.errors import DataError


def _verb(monkeypatch: pytest.MonkeyPatch, action: Callable[[list[str]], Summary]) -> None:
    module = types.ModuleType("walkprint.cli.demo")
    module.main = action  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "walkprint.cli.demo", module)


def test_help_is_quick_and_names_every_verb() -> None:
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "walkprint", "--help"], capture_output=True, text=True, check=True)
    assert time.perf_counter() - start < 5  # under a second on a quiet machine
    assert all(f"  {verb} " in done.stdout for verb in cli.VERBS)
    assert "example:" in done.stdout


def test_help_loads_no_heavy_library() -> None:
    code = "import sys; from walkprint.cli import main; main(['-h']); print({'torch', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("set()")


def test_no_verb_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "usage:" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("walkprint 0.")


def test_unknown_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["trian"]) == 2
    error = capsys.readouterr().err
    assert "unknown verb 'trian'; expected one of demo" in error
    assert error.endswith("; did you mean train?\n")
    assert cli.main(["xqzw"]) == 2
    assert "did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_has_help_with_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([verb, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"usage: walkprint {verb}" in text
    assert f"example: walkprint {verb}" in text


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_refuses_an_unknown_option(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([verb, "--no-such-option", "1"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("walkprint: error: ")
    assert error.count("\n") == 1


def test_a_fault_of_the_input_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(words: list[str]) -> Summary:
        raise DataError("nothing\nthere")

    _verb(monkeypatch, fail)
    assert cli.main(["demo"]) == 2
    assert capsys.readouterr().err == "walkprint: error: nothing there\n"


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(words: list[str]) -> Summary:
        raise KeyboardInterrupt

    _verb(monkeypatch, interrupt)
    assert cli.main(["demo"]) == 130


def test_a_bug_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(words: list[str]) -> Summary:
        raise ZeroDivisionError

    _verb(monkeypatch, fail)
    with pytest.raises(ZeroDivisionError):
        cli.main(["demo"])


def test_json_stands_alone_on_stdout(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def work(words: list[str]) -> Summary:
        assert words == ["--quick"]
        sys.stderr.write("working\n")
        return Summary({"rank_1": 0.5}, "half")

    _verb(monkeypatch, work)
    assert cli.main(["demo", "--json", "--quick"]) == 0
    assert json.loads(capsys.readouterr().out) == {"rank_1": 0.5}
    assert cli.main(["demo", "--quick"]) == 0
    assert capsys.readouterr().out == "half\n"


def _greet(name: str, *, loud: bool = False, times: int = 1) -> Summary:
    """Greet somebody.

    Args:
        name: whom.
        loud: in capitals.
        times: how often.
    """
    text = " ".join([name] * times)
    return Summary({}, text.upper() if loud else text)


def test_words_become_arguments() -> None:
    assert carry_out(_greet, ["ann", "--loud", "--times", "2"], "x").text == "ANN ANN"
    assert carry_out(_greet, ["ann", "--loud=false"], "x").text == "ann"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "ann"),
        (["--loud"], "ann loud=True"),
        (["--loud", "--times", "1"], "ann loud=True times=1"),  # which is usual, but given
        (["--config", "asked.yaml"], "ann loud=True times=3"),
        (["--config", "asked.yaml", "--times", "1"], "ann loud=True times=1"),
    ],
)
def test_a_function_is_called_with_what_is_given_alone(
    words: list[str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @functools.wraps(_greet)
    def repeat(name: str, **given: object) -> Summary:
        return Summary({}, " ".join([name, *(f"{one}={given[one]}" for one in sorted(given))]))

    monkeypatch.chdir(tmp_path)
    Path("asked.yaml").write_text("{loud: true, times: 3}")
    assert carry_out(repeat, ["ann", *words], "x").text == expected


@pytest.mark.parametrize("words", [[], ["ann", "--times", "x"], ["ann", "--tims", "1"], ["ann", "--loud", "loudly"]])
def test_words_that_do_not_fit_are_refused(words: list[str]) -> None:
    with pytest.raises(BadWordsError):
        carry_out(_greet, words, "x")


def test_freed_memory_is_kept_where_the_allocator_can_be_told() -> None:
    assert keep_freed_memory() is (platform.libc_ver()[0] == "glibc")


def test_waiting_threads_sleep_before_torch_is_loaded() -> None:
    code = (
        "import os, sys; from walkprint.cli import process\n"
        "process.let_waiting_threads_sleep(); print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"
    )
    for asked, found in (({}, "PASSIVE False"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE False")):
        environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"} | asked
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
        assert done.stdout.strip() == found


def test_flags_are_spelled_out() -> None:
    assert spelled_out(["--loud", "--loud", "true"], ["loud"]) == ["--loud=true", "--loud", "true"]
    assert spelled_out(["--other"], ["loud"]) == ["--other"]
