"""Rules about what lies in the repository: sizes, paths of machines, pictures of people, complete papers."""

import re
import subprocess
import tomllib
import zlib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
_PRETRAINED = ROOT / "src" / "walkprint" / "networks" / "pretrained"


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """Every file that git tracks."""
    if not (ROOT / ".git").exists():
        pytest.skip("no git repository here, so nobody knows what belongs to it")
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / name for name in done.stdout.split("\0") if name]
    return [path for path in files if path.is_file()]


def test_no_file_over_two_megabytes(tracked: list[Path]) -> None:
    assert not [path for path in tracked if path.stat().st_size > 2 * 1024**2 and _PRETRAINED not in path.parents]


def test_pretrained_networks_are_at_most_twelve_megabytes_each(tracked: list[Path]) -> None:
    sizes: dict[str, int] = {}
    for path in tracked:
        if _PRETRAINED in path.parents:
            name = path.relative_to(_PRETRAINED).parts[0]
            sizes[name] = sizes.get(name, 0) + path.stat().st_size
    assert sizes
    assert max(sizes.values()) < 12e6, sizes
    assert sum(sizes.values()) < 14e6, sizes


def test_the_wheel_stays_below_fifteen_megabytes(tracked: list[Path]) -> None:
    package = ROOT / "src" / "walkprint"
    packed = sum(len(zlib.compress(path.read_bytes(), 1)) for path in tracked if package in path.parents)
    assert packed < 15e6, packed


def test_no_path_of_a_machine(tracked: list[Path]) -> None:
    pattern = re.compile("/(?:" + "|".join(("wor" + "k", "far" + "m", "home/[a-z]+", "Users/[A-Za-z]+")) + ")/")
    for path in tracked:
        if path.suffix in {".py", ".md", ".yaml", ".toml", ".cff", ".txt", ".html", ""}:
            found = pattern.search(path.read_text(errors="replace"))
            assert not found, f"{path.relative_to(ROOT)}: {found}"


def test_no_picture_of_a_real_person(tracked: list[Path]) -> None:
    names = [path.relative_to(ROOT).as_posix().lower() for path in tracked]
    assert not [n for n in names if re.search(r"(kth|person\d).*\.(png|jpe?g|avi|mp4|npz|gif)$", n)]


def test_the_papers_are_complete() -> None:
    assert "APPENDIX: How to apply" in (ROOT / "LICENSE").read_text()
    assert "CC0" in (ROOT / "NOTICE").read_text()
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["license"] == "Apache-2.0"
    assert "### Scientific changes" in (ROOT / "CHANGELOG.md").read_text()


def test_the_version_is_the_same_everywhere() -> None:
    import walkprint

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = (ROOT / "pyproject.toml").read_text()
    assert citation["version"] == walkprint.__version__
    assert f'version = "{walkprint.__version__}"' in project


def test_the_tested_set_holds_releases_only() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert lines[0].startswith("torch==")
    for line in lines:
        assert re.fullmatch(r"[A-Za-z0-9_.\-]+==[0-9][0-9A-Za-z.]*", line), line


def test_continuous_integration_runs_the_pythons_and_tools_that_the_project_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [line.rsplit(" ", 1)[1] for line in project["classifiers"] if re.search(r"Python :: 3\.\d+$", line)]
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == named
    assert project["requires-python"] == f">={named[0]}"
    commands = [step.get("run", "") for step in workflow["jobs"]["test"]["steps"]]
    assert any(command.startswith("make test") for command in commands)
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    (ruff,) = re.findall(r"^ruff==.*$", (ROOT / "constraints.txt").read_text(), flags=re.MULTILINE)
    assert all(hook["additional_dependencies"] == [ruff] for hook in hooks)
