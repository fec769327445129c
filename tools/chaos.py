"""Kill -9 of everything that writes for long: at random times, and at writes. Afterwards it is identical or complete.

Each command is first carried out twice undisturbed. Files that differ between the two, by times of day or machine, are
then compared by name alone, and so is `versions.json`, which gains an entry at every start. After a kill the same
command is called again, and killed again at another moment, up to five times; once it has ended undisturbed, its output
must be that of the undisturbed ones. A store that was complete already when the kill came is not made again.

Moments of writing are calls of `os.fsync`, `os.replace`, `os.rename`, `os.unlink` and `os.mkdir`; a kill comes right
before one. Processes are forked from one that has imported everything, so that kills strike work instead of imports.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MOMENTS = ("fsync", "replace", "rename", "unlink", "mkdir")
UNCOUNTED = {"seconds", "processor_seconds"}
PEOPLE = ["--subjects", "6", "--train", "4", "--views", "072,108", "--frames", "10", "--workers", "1"]
SMALL = [
    "network.num_subjects=4", "network.channels=[4,4,8]", "network.feature=8", "schedule.steps=40",
    "schedule.subjects_per_batch=2", "schedule.clips_per_subject=2", "schedule.checkpoint_every=3", "frames.count=4",
    "precision=32-true",
]  # fmt: skip
SMALL_GENERATOR = [
    "generator.widths=[4,4,8,8]", "generator.latent_size=8", "batch_size=8", "steps=40", "checkpoint_every=3",
    "watch_every=20", "precision=32-true", "least_diversity=0",
]  # fmt: skip


@dataclass(frozen=True)
class Job:
    """A command and where it writes; `{out}` and `{given}` stand for folders."""

    name: str
    words: list[str]


JOBS = [
    Job("train", ["train", "walkers/gaitset_narrow", "--run", "{out}", "--accelerator", "cpu", "--set",
                  "data.root={given}/store", *SMALL]),
    Job("train-generator", ["train-generator", "walkers/ae_guided", "--run", "{out}", "--accelerator", "cpu", "--set",
                            "data.root={given}/store", *SMALL_GENERATOR]),
    Job("prepare", ["prepare", "Folder", "--root", "{given}/masks", "--out", "{out}", "--workers", "1"]),
    Job("expand", ["expand", "--data", "{given}/store", "--expander", "NoiseInjection", "--set", "expander.p=0.1",
                   "--wanted", "cl=4", "--out", "{out}"]),
    Job("walkers", ["walkers", "--out", "{out}", *PEOPLE]),
    Job("segment", ["segment", "{given}/anna.mp4", "{given}/ben.mp4", "--out", "{out}", "--one_person", "--segmenter",
                    "Background", "--keep_all"]),
    Job("study", ["study", "inter-class", "--out", "{out}", "--quick", "--workers", "1", "--set", "seeds=1", "steps=2",
                  "networks=[GaitSet]", "losses=[triplet,margin-form]", "sections=[compare]", "subjects=6",
                  "subjects_per_batch=2"]),
]  # fmt: skip


def make_inputs(given: Path) -> None:
    """A store of people, their masks as pictures, and two films."""
    import cv2

    from walkprint.cli import main
    from walkprint.data.packed import Packed
    from walkprint.data.walkers import Walkers

    assert main(["walkers", "--out", str(given / "store"), *PEOPLE]) == 0
    store = Packed(given / "store").store()
    for key in store.keys:
        folder = given / "masks" / key.subject / f"{key.condition}-{key.take}" / key.view
        folder.mkdir(parents=True)
        for i, frame in enumerate(store.read(key).frames[:, 0]):
            cv2.imwrite(str(folder / f"{i:03d}.png"), frame)
    sys.path.insert(0, str(ROOT))
    from benchmarks._street import street
    from tests.video.films import film

    walkers = Walkers(subjects=2, frames=24)
    for name, subject, path in (("anna", "001", (0.25, 0.7)), ("ben", "002", (0.75, 0.3))):
        from walkprint.core.sequence import SequenceKey

        key = SequenceKey(subject, "nm", "01", "090")
        shown = street(walkers, [key], height_px=160, width_px=240, person=0.7, paths=[path], feet=(0.88,))
        film(given / f"{name}.mp4", [frame for frame, _ in shown])


def forked(work: Callable[[], int], log: Path) -> int:
    """Start `work` in a process group of its own; gives its number."""
    process = os.fork()
    if process:
        return process
    os.setsid()
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1), os.dup2(file, 2)
    code = 99
    try:
        code = work()
        sys.stdout.flush(), sys.stderr.flush()
    finally:
        os._exit(code)


def ended(process: int) -> int:
    """Its exit code, negative where a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def watch_moments(kill_at: int, counted: Path | None) -> None:
    """Kill this process right before its n-th moment of writing, or leave the number of moments in a file."""
    seen = [0]

    def watched(call: Callable[..., Any]) -> Callable[..., Any]:
        def before(*arguments: Any, **named: Any) -> Any:
            seen[0] += 1
            if seen[0] == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            if counted is not None:
                counted.write_text(str(seen[0]))
            return call(*arguments, **named)

        return before

    for name in MOMENTS:
        setattr(os, name, watched(getattr(os, name)))


def contents(folder: Path) -> dict[str, str]:
    """Every file and its digest, but for locks and what was left of the writing of a store that is complete."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.name.startswith(("plan.", "part-")) and (path.parent / "meta.json").is_file():
            continue
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            found[name] = hashlib.sha256(_without_times(path)).hexdigest()
    return found


def _without_times(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix == ".safetensors":  # its header names things in any order
        from safetensors import safe_open

        with safe_open(path, framework="numpy") as file:
            tensors = [(name, file.get_tensor(name).tobytes()) for name in sorted(file.keys())]
            return repr((sorted((file.metadata() or {}).items()), tensors)).encode()
    if path.suffix != ".json":
        return data
    plain = json.loads(data)
    if isinstance(plain, dict):
        plain = {name: value for name, value in plain.items() if name not in UNCOUNTED}
    return json.dumps(plain).encode()


class Trial:
    """One job, its undisturbed output, and kills of it."""

    def __init__(self, job: Job, given: Path, folder: Path, rng: random.Random) -> None:
        self.job, self.given, self.folder, self.rng = job, given, folder, rng
        self.log = folder / f"{job.name}.log"
        start = time.monotonic()
        first, second = (self._undisturbed() for _ in range(2))
        self.seconds = (time.monotonic() - start) / 2
        self.moments = int((folder / "moments").read_text())
        self.varying = {name for name in first if first[name] != second.get(name) or Path(name).name == "versions.json"}
        self.expected = {name: "" if name in self.varying else digest for name, digest in first.items()}

    def start(self, out: Path, kill_at: int = 0, counted: Path | None = None) -> int:
        """Start the job; gives its process."""
        words = [word.format(out=out, given=self.given) for word in self.job.words]

        def work() -> int:
            from walkprint.cli import main

            watch_moments(kill_at, counted)
            return main(words)

        return forked(work, self.log)

    def _undisturbed(self) -> dict[str, str]:
        out = self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        code = ended(self.start(out, counted=self.folder / "moments"))
        if code:
            raise SystemExit(f"{self.job.name} ended with {code}: {self.log.read_text()[-2000:]}")
        return contents(out)

    def kill(self, out: Path, at_write: bool) -> bool:
        """Start the job and kill it; whether the kill came before its end."""
        if at_write:
            return ended(self.start(out, kill_at=self.rng.randint(1, self.moments))) == -signal.SIGKILL
        process = self.start(out)
        time.sleep(self.rng.uniform(0, self.seconds))
        os.killpg(process, signal.SIGKILL) if os.getpgid(process) == process else os.kill(process, signal.SIGKILL)
        return ended(process) == -signal.SIGKILL

    def run(self, count: int, *, at_write: bool) -> dict[str, int]:
        """Kill it so many times, over as many outputs as it takes; what came of them."""
        done = {"kills": 0, "outputs": 0, "identical": 0, "complete": 0}
        while done["kills"] < count:
            out, before = self.folder / "out", done["kills"]
            shutil.rmtree(out, ignore_errors=True)
            for _ in range(5):
                if done["kills"] == count or not self.kill(out, at_write):
                    break
                done["kills"] += 1
            if done["kills"] == before:
                continue
            code = ended(self.start(out))
            done["outputs"] += 1
            found = {name: "" if name in self.varying else digest for name, digest in contents(out).items()}
            if code == 0 and found == self.expected:
                done["identical"] += 1
            elif (
                code == 2 and "already exists" in self.log.read_text()[-300:] and self.expected.items() <= found.items()
            ):
                done["complete"] += 1  # killed after the last byte was in place
            else:
                names = sorted(name for name in {*found, *self.expected} if found.get(name) != self.expected.get(name))
                sys.stderr.write(f"{self.job.name}: exit {code}, differing: {', '.join(names)}; see {self.log}\n")
                shutil.copytree(out, self.folder / f"failed-{self.job.name}-{done['kills']}", dirs_exist_ok=True)
        return done


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20, help="kills of each job, at random times and again at writes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", nargs="+", choices=[job.name for job in JOBS], default=[job.name for job in JOBS])
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    folder = Path(tempfile.mkdtemp(prefix="walkprint-chaos-"))
    given = folder / "given"
    given.mkdir()
    # Everything is imported here, and nothing is computed: threads do not survive a fork.
    import cv2  # noqa: F401
    import lightning_fabric  # noqa: F401

    from walkprint import capture, recipes  # noqa: F401
    from walkprint.recipes import generator_recipe, recipe, trained, training  # noqa: F401
    from walkprint.studies import run  # noqa: F401

    if code := ended(forked(lambda: make_inputs(given) or 0, folder / "inputs.log")):
        raise SystemExit(f"inputs: {code}: {(folder / 'inputs.log').read_text()[-2000:]}")
    lines = [
        "| command | random kills | kills at writes | outputs | identical | complete before | not compared |",
        "|---|---|---|---|---|---|---|",
    ]
    failed = 0
    for job in (one for one in JOBS if one.name in options.jobs):
        trial = Trial(job, given, folder, random.Random(f"{options.seed} {job.name}"))
        some = [trial.run(options.count, at_write=at_write) for at_write in (False, True)]
        outputs, identical, complete = (sum(one[name] for one in some) for name in ("outputs", "identical", "complete"))
        failed += outputs - identical - complete
        varying = ", ".join(f"`{name}`" for name in sorted(trial.varying)) or "-"
        kills = " | ".join(str(one["kills"]) for one in some)
        lines.append(f"| `{job.name}` | {kills} | {outputs} | {identical} | {complete} | {varying} |")
        sys.stderr.write(f"{lines[-1]}\n")
    day = datetime.now(UTC).date().isoformat()
    print(f"{day}, seed {options.seed}, {options.count} kills of each kind:\n")
    print("\n".join(lines))
    if not failed:
        shutil.rmtree(folder)
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
