"""The shell around the verbs: help, exit codes, one line per error, JSON alone on stdout."""

import json
import os
import platform
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from walkprint import cli
from walkprint.cli.verb import Summary, Verb
from walkprint.core.errors import DataError, Stopped
from walkprint.core.process import keep_freed_memory


def _verb(monkeypatch: pytest.MonkeyPatch, action: Callable[..., Any]) -> None:
    """Let `walkprint demo` be something else."""
    monkeypatch.setattr(cli, "find_verb", lambda name: Verb(action, name))


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {verb} " in shown for verb in cli.VERBS)
    assert "example:" in shown


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


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_option_of_every_verb_is_explained(verb: str) -> None:
    found = cli.find_verb(verb)
    assert len(found.summary) > 10
    assert not [option.name for option in found.options.values() if len(option.help) < 5]


def test_a_fault_of_the_input_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> Summary:
        raise DataError("nothing\nthere")

    _verb(monkeypatch, fail)
    assert cli.main(["demo"]) == 2
    assert capsys.readouterr().err == "walkprint: error: nothing there\n"


def test_words_that_do_not_fit_point_to_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["demo", "--quik"]) == 2
    assert capsys.readouterr().err == (
        "walkprint: error: no option --quik; did you mean --quick?; see walkprint demo --help\n"
    )


def test_a_place_that_cannot_be_written_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> Summary:
        raise PermissionError(13, "Permission denied", "there.npz")

    _verb(monkeypatch, fail)
    assert cli.main(["demo"]) == 2
    assert capsys.readouterr().err == "walkprint: error: there.npz: Permission denied\n"


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> Summary:
        raise KeyboardInterrupt

    _verb(monkeypatch, interrupt)
    assert cli.main(["demo"]) == 130


def test_a_stopped_training_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stop() -> Summary:
        raise Stopped("runs/one: stopped by SIGTERM", 143)

    _verb(monkeypatch, stop)
    assert cli.main(["demo"]) == 143
    assert capsys.readouterr().err == "walkprint: runs/one: stopped by SIGTERM\n"


def test_a_bug_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Summary:
        raise ZeroDivisionError

    _verb(monkeypatch, fail)
    with pytest.raises(ZeroDivisionError):
        cli.main(["demo"])


def test_json_stands_alone_on_stdout(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def work(*, quick: bool = False) -> Summary:
        assert quick
        sys.stderr.write("working\n")
        return Summary({"rank_1": 0.5}, "half\n")

    _verb(monkeypatch, work)
    assert cli.main(["demo", "--json", "--quick"]) == 0
    assert json.loads(capsys.readouterr().out) == {"rank_1": 0.5}
    assert cli.main(["demo", "--quick"]) == 0
    assert capsys.readouterr().out == "half\n"


def test_a_process_without_a_report_is_silent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _verb(monkeypatch, lambda: None)
    assert cli.main(["demo"]) == 0
    assert capsys.readouterr().out == ""


def test_freed_memory_is_kept_where_the_allocator_can_be_told() -> None:
    assert keep_freed_memory() is (platform.libc_ver()[0] == "glibc")


def test_waiting_threads_sleep_before_torch_is_loaded() -> None:
    code = (
        "import os, sys; from walkprint.core import process\n"
        "process.let_waiting_threads_sleep(); print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"
    )
    for asked, found in (({}, "PASSIVE False"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE False")):
        environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"} | asked
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
        assert done.stdout.strip() == found


def test_a_warning_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    assert cli.main(["--version"]) == 0
    shown = warnings.formatwarning(UserWarning("two\nlines\x1b"), UserWarning, "module.py", 3)
    assert shown == "walkprint: warning: two lines\\u001b\n"
