"""Trains recognizers for real people on rendered ones, within a time limit, while `film.py` renders more.

    python recipes/real/train.py --film /dev/shm/film --workers 14 --out runs/real --seconds 500 --real real.npz

Several networks ("arms") train side by side from one pool of clips on the device; each row of `curve.jsonl` is one arm
at one time. Weights are written at every row, in half precision, so that nothing is lost when the run is cut off.

`--real` is a file of `score.pack_real`; without it only rendered people who are held out are scored.
"""

import argparse
import collections
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from film import FRAMES
from masks import Segmenter, clips_of, read, unpack
from safetensors.torch import save_file
from score import Real, whitening
from torch import Tensor, nn

from walkprint.networks import DeepGaitV2, GaitSet

DRAWN, FILM, BOTH = (0,), (1,), (0, 1)
HELD_OUT = 51  # every so manyth person trains nothing
SLOTS = 12  # clips of a person: six drawn, six segmented


@dataclass
class Arm:
    """One network and how it is trained."""

    name: str
    network: nn.Module
    kinds: tuple[int, ...] = BOTH
    people: int = 10**9
    every: int = 1
    ordered: bool = False
    file: str = "narrow"
    steps: int = 0
    losses: list[Tensor] = field(default_factory=list)


def arms(tiny: bool) -> list[Arm]:
    """The arms; each answers one question."""

    def narrow(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return GaitSet(channels=(24, 48, 96), feature=128, global_branch=False, batch_norm=True)

    def wide(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return GaitSet(channels=(48, 96, 192), feature=192, global_branch=True, batch_norm=True)

    def order(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return DeepGaitV2(mode="p3d", channels=(32, 64, 128, 256), blocks=(1, 1, 1, 1), strips=(16,), feature=128)

    if tiny:
        small = GaitSet(channels=(4, 8, 8), feature=8, global_branch=False, batch_norm=True)
        in_order = DeepGaitV2(mode="p3d", channels=(4, 4, 4, 4), blocks=(1, 1, 1, 1), strips=(16,), feature=8)
        return [
            Arm("small-both-0", small),
            Arm("order-film-0", in_order, kinds=FILM, ordered=True, every=2, file="order"),
        ]
    return [
        Arm("narrow-both-0", narrow(0)),
        Arm("wide-both-0", wide(0), file="wide-0"),
        Arm("narrow-drawn-0", narrow(0), kinds=DRAWN),
        Arm("narrow-film-0", narrow(0), kinds=FILM),
        Arm("narrow-both-1", narrow(1)),
        Arm("wide-both-1", wide(1), file="wide-1"),
        Arm("p3d-both-0", order(0), ordered=True, every=2, file="order"),
        Arm("narrow-800-0", narrow(0), people=800),
        Arm("narrow-4000-0", narrow(0), people=4000),
    ]


class Pool:
    """All clips on the device; which rows are whose is known on the host."""

    def __init__(self, people: int, device: torch.device) -> None:
        self.bits = torch.zeros(people * SLOTS, FRAMES, 352, dtype=torch.uint8, device=device)
        self.good = np.zeros((people, SLOTS), bool)
        self.numbers = np.zeros(people, np.int64)
        self.count, self.device, self._pending = 0, device, []
        self.split()

    def split(self) -> None:
        """Who trains and who is held out, among those that are complete."""
        number = self.numbers[: self.count]
        whole = (self.good[: self.count, :6].sum(1) >= 3) & (self.good[: self.count, 6:].sum(1) >= 3)
        self.training = np.flatnonzero(whole & (number % HELD_OUT != 7))
        self.held_out = np.flatnonzero(whole & (number % HELD_OUT == 7))[:300]

    def add(self, numbers: list[int], people: list[dict], segmenter: Segmenter) -> None:
        """Segment some people's crops and take them in; they count from the next `settle` on."""
        room = len(self.numbers) - self.count
        numbers, people = numbers[:room], people[:room]
        if not people:
            return
        start, stop = self.count, self.count + len(people)
        bits, good = clips_of(people, segmenter)
        drawn = np.stack([one["drawn"] for one in people])
        block = self.bits[start * SLOTS : stop * SLOTS].view(len(people), SLOTS, FRAMES, 352)
        block[:, :6].copy_(torch.from_numpy(drawn), non_blocking=True)
        block[:, 6:].copy_(bits.view(len(people), 6, FRAMES, 352))
        host = torch.empty(good.shape, dtype=torch.bool, pin_memory=self.device.type == "cuda")
        host.copy_(good, non_blocking=True)
        event = torch.cuda.Event() if self.device.type == "cuda" else None
        if event is not None:
            event.record()
        self.good[start:stop, :6] = drawn.any((2, 3))
        self.numbers[start:stop] = numbers
        self._pending.append((start, stop, host, event, people))
        self.count = stop

    def settle(self, wait: bool = False) -> None:
        """Learn which clips were good; does not wait for the device unless asked to."""
        while self._pending:
            start, stop, host, event, _ = self._pending[0]
            if event is not None and not event.query():
                if not wait:
                    break
                event.synchronize()
            self.good[start:stop, 6:] = host.numpy().reshape(-1, 6)
            self._pending.pop(0)
        self.split()

    def draw(self, rng: np.random.Generator, arm: Arm, subjects: int, clips: int, frames: int) -> tuple[Tensor, Tensor]:
        """Rows (subject * clip,) and frame positions (subject * clip, frames) of a batch."""
        among = self.training[: arm.people]
        who = rng.choice(among, subjects, replace=len(among) < subjects)
        good = self.good[who].copy()
        if arm.kinds == DRAWN:
            good[:, 6:] = False
        elif arm.kinds == FILM:
            good[:, :6] = False
        order = np.argsort(np.where(good, rng.random(good.shape), 2.0), axis=1)
        have = good.sum(1, keepdims=True)
        slots = np.take_along_axis(order, np.arange(clips)[None] % have, axis=1)
        rows = (who[:, None] * SLOTS + slots).reshape(-1)
        if arm.ordered:
            positions = np.broadcast_to(np.arange(FRAMES), (len(rows), FRAMES))
        else:
            positions = np.argsort(rng.random((len(rows), FRAMES)), axis=1)[:, :frames]
        return self._over(rows), self._over(np.ascontiguousarray(positions))

    def _over(self, numbers: np.ndarray) -> Tensor:
        host = torch.from_numpy(numbers)
        return host.pin_memory().to(self.device, non_blocking=True) if self.device.type == "cuda" else host


def spoiled(clips: Tensor, generator: torch.Generator) -> Tensor:
    """Clips (clip, time, 1, 64, 44), 0 or 1, as cameras of little resolution and careless boxes give them."""
    count, device = len(clips), clips.device
    chance = torch.rand(4, count, 1, 1, 1, 1, generator=generator, device=device)
    flat = clips.flatten(0, 1)
    coarse = F.interpolate(F.avg_pool2d(flat, 2), scale_factor=2.0, mode="bilinear", align_corners=False)
    wider, thinner = F.max_pool2d(flat, 3, 1, 1), -F.max_pool2d(-flat, 3, 1, 1)

    def some(other: Tensor, at: Tensor, now: Tensor) -> Tensor:
        return torch.where(at, other.view_as(clips), now)

    clips = some((coarse >= 0.5).to(clips.dtype), chance[0] < 0.2, clips)
    clips = some(wider, chance[1] < 0.15, clips)
    clips = some(thinner, (chance[1] > 0.88), clips)
    left = F.pad(clips, (1, 0))[..., :-1]
    right = F.pad(clips, (0, 1))[..., 1:]
    clips = some(left, chance[2] < 0.2, clips)
    return some(right, chance[2] > 0.8, clips)


def loss_of(embeddings: Tensor, subjects: int, clips: int) -> Tensor:
    """Hardest triplets on the embeddings, and the cross entropy of each clip against the batch's class means."""
    return hardest(embeddings, subjects, clips) + entropy(embeddings, subjects, clips)


def hardest(embeddings: Tensor, subjects: int, clips: int) -> Tensor:
    """The hardest triplets of a batch (clip, part, feature), whose clips are ordered by subject."""
    wide = embeddings.float().transpose(0, 1)  # (part, batch, feature)
    same = torch.arange(subjects, device=wide.device).repeat_interleave(clips)
    equal = same[:, None] == same[None]
    squares = wide.square().sum(-1)
    distances = (squares.unsqueeze(2) + squares.unsqueeze(1) - 2 * wide @ wide.transpose(1, 2)).clamp_min(1e-8).sqrt()
    farthest = distances.masked_fill(~equal, -1.0).amax(2)
    nearest = distances.masked_fill(equal, 1e4).amin(2)
    return F.relu(farthest - nearest + 0.2).mean()


def entropy(embeddings: Tensor, subjects: int, clips: int) -> Tensor:
    """The cross entropy of each clip against the mean directions of the batch's subjects, its own without itself."""
    wide = embeddings.float().transpose(0, 1)
    same = torch.arange(subjects, device=wide.device).repeat_interleave(clips)
    unit = F.normalize(wide, dim=-1).unflatten(1, (subjects, clips))
    total = unit.sum(2)
    mean = F.normalize(total, dim=-1)  # (part, subject, feature)
    logits = unit.flatten(1, 2) @ mean.transpose(1, 2)
    own = F.normalize(total.unsqueeze(2) - unit, dim=-1)  # without the clip itself
    own = (own * unit).sum(-1).flatten(1)
    place = same.view(1, -1, 1).expand(len(wide), -1, 1)
    logits = logits.scatter(2, place, own.unsqueeze(2)) * 16.0
    return F.cross_entropy(logits.flatten(0, 1), same.repeat(len(wide)), label_smoothing=0.1)


class Trainer:
    """One arm's optimizer, its average of weights, its schedule by the clock."""

    def __init__(self, arm: Arm, device: torch.device, subjects: int, clips: int) -> None:
        self.arm, self.device, self.subjects, self.clips = arm, device, subjects, clips
        self.cuda = device.type == "cuda"
        network = (
            arm.network.to(device, memory_format=torch.channels_last) if not arm.ordered else arm.network.to(device)
        )
        self.network = network.train()
        self.optimizer = torch.optim.AdamW(
            network.parameters(), lr=1e-4, weight_decay=5e-3, **({"fused": True} if self.cuda else {})
        )
        self.average = {name: value.detach().clone() for name, value in network.state_dict().items()}
        self.rng = np.random.default_rng(len(arm.name) + 1000 * int(arm.name[-1]))
        self.generator = torch.Generator(device).manual_seed(int(arm.name[-1]))

    def step(self, pool: Pool, share: float) -> None:
        """One step; `share` of the time has passed."""
        rise = min(share / 0.08, 1.0)
        rate = 2e-3 * rise * (0.5 + 0.5 * np.cos(np.pi * max(share - 0.08, 0) / 0.92)) + 1e-6
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        rows, positions = pool.draw(self.rng, self.arm, self.subjects, self.clips, 10)
        bits = pool.bits[rows.unsqueeze(1), positions]
        clips = spoiled(unpack(bits).unsqueeze(2).to(torch.bfloat16 if self.cuda else torch.float32), self.generator)
        with torch.autocast(self.device.type, torch.bfloat16):
            output = self.network(clips.float())
        loss = loss_of(output.embeddings, self.subjects, self.clips)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 10.0)
        self.optimizer.step()
        self.arm.steps += 1
        self.arm.losses = [*self.arm.losses[-19:], loss.detach()]
        keep = min(0.998, 1 - 1 / (1 + self.arm.steps))
        values = [value for value in self.network.state_dict().values() if value.is_floating_point()]
        mine = [self.average[name] for name, value in self.network.state_dict().items() if value.is_floating_point()]
        torch._foreach_lerp_(mine, values, 1 - keep)

    def embedder(self):
        """A function of bits (clip, time, 352) that embeds with the averaged weights."""
        own = {name: value.clone() for name, value in self.network.state_dict().items()}
        self.network.load_state_dict(self.average)
        self.network.eval()

        @torch.no_grad()
        def embed(bits: Tensor) -> Tensor:
            steady = torch.backends.cudnn.flags(enabled=True, benchmark=False)  # every length is another shape
            with steady, torch.autocast(self.device.type, torch.bfloat16, enabled=self.cuda):
                return self.network(unpack(bits).unsqueeze(2).float()).embeddings.float()

        def restore() -> None:
            self.network.load_state_dict(own)
            self.network.train()

        return embed, restore


def loaded(folder: Path, threads: int, stop: threading.Event, most: int, keep: bool) -> queue.Queue:
    """People's files, decoded by threads; each file is deleted once it is read, unless kept."""
    ready: queue.Queue = queue.Queue(maxsize=64)
    found: collections.deque[Path] = collections.deque()
    taken: set[str] = set()
    lock = threading.Lock()

    def following() -> Path | None:
        with lock:
            if not found and len(taken) < most:
                found.extend(file for file in sorted(folder.glob("[0-9]*.npz")) if file.name not in taken)
            if not found or len(taken) >= most:
                return None
            taken.add(found[0].name)
            return found.popleft()

    def work() -> None:
        while not stop.is_set():
            file = following()
            if file is None:
                time.sleep(0.3)
                continue
            try:
                item = (int(file.stem), read(file))
            except (OSError, ValueError, KeyError) as error:
                print("left out:", file.name, error, flush=True)
                continue
            while not stop.is_set():
                try:
                    ready.put(item, timeout=0.2)
                    break
                except queue.Full:
                    continue
            if not keep:
                file.unlink(missing_ok=True)

    for _ in range(threads):
        threading.Thread(target=work, daemon=True).start()
    return ready


def waiting(ready: queue.Queue, most: int) -> Iterator[tuple[int, dict]]:
    """What is ready now, at most so many."""
    for _ in range(most):
        try:
            yield ready.get_nowait()
        except queue.Empty:
            return


def held_out_scores(pool: Pool, embed) -> tuple[dict[str, float], Tensor, Tensor]:
    """Rank-1 of held-out rendered people, segmented probes: in other clothes and normally; and what whitening needs."""
    who = pool.held_out
    rows = torch.from_numpy((who[:, None] * SLOTS + np.arange(SLOTS)).reshape(-1)).to(pool.device)
    vectors = torch.cat([embed(pool.bits[some]) for some in rows.split(256)])
    good = torch.from_numpy(pool.good[who].reshape(-1)).to(pool.device)
    labels = torch.arange(len(who), device=pool.device).repeat_interleave(SLOTS)
    unit = F.normalize(vectors, dim=-1).unflatten(0, (len(who), SLOTS))
    ok = good.view(len(who), SLOTS)
    gallery, numbers = unit[:, 0], {}
    for name, slots in (("nm", (7,)), ("bg", (8,)), ("cl", (9, 10, 11))):
        hits = []
        for slot in slots:
            near = torch.einsum("ipf,jpf->ij", unit[:, slot], gallery).masked_fill(~ok[None, :, 0], -9e9).argmax(1)
            hits.append((near == torch.arange(len(who), device=pool.device))[ok[:, slot] & ok[:, 0]])
        numbers[name] = 100 * float(torch.cat(hits).float().mean())
    return numbers, vectors[good], labels[good]


def report(trainers: list[Trainer], pool: Pool, real: Real | None, out: Path, began: float) -> None:
    """A row for each arm, and all weights."""
    files: dict[str, dict[str, Tensor]] = {}
    for trainer in trainers:
        embed, restore = trainer.embedder()
        numbers, vectors, labels = held_out_scores(pool, embed)
        white = whitening(vectors, labels)
        row = {
            "arm": trainer.arm.name,
            "seconds": round(time.time() - began, 1),
            "steps": trainer.arm.steps,
            "people": int(min(len(pool.training), trainer.arm.people)),
            "loss": float(torch.stack(trainer.arm.losses).mean()) if trainer.arm.losses else None,
            "rendered": numbers,
        }
        if real is not None:
            row["real"] = real.score(embed, white, 2 if trainer.arm.ordered else 1)
        restore()
        line = json.dumps(row)
        with (out / "curve.jsonl").open("a") as file:
            file.write(line + "\n")
        brief = {way: (round(n["kth"], 1), round(n["usf"], 1)) for way, n in row.get("real", {}).items()}
        print(row["arm"], row["steps"], row["people"], row["loss"], numbers, brief, flush=True)
        mine = files.setdefault(trainer.arm.file, {})
        mine |= {f"{trainer.arm.name}/{name}": value.half().contiguous() if value.is_floating_point() else value
                 for name, value in trainer.average.items()}  # fmt: skip
        mine |= {
            f"{trainer.arm.name}/whitening/mean": white[0].half(),
            f"{trainer.arm.name}/whitening/root": white[1].half(),
        }
    for name, tensors in files.items():
        part = out / f".{name}.part"
        save_file({key: value.cpu() for key, value in tensors.items()}, part)
        part.rename(out / f"{name}.safetensors")


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--film", type=Path, required=True, help="folder of people; each file is deleted once read")
    parser.add_argument("--out", type=Path, required=True, help="folder of weights and curve.jsonl")
    parser.add_argument("--real", type=Path, help="file of score.pack_real")
    parser.add_argument("--workers", type=int, default=0, help="processes that render into --film; 0 if others do")
    parser.add_argument("--seconds", type=float, default=500, help="for everything")
    parser.add_argument("--first", type=float, default=20, help="seconds that only fill the pool")
    parser.add_argument("--rows_every", type=float, default=110, help="seconds between rows")
    parser.add_argument("--people", type=int, default=40_000, help="at most so many")
    parser.add_argument("--subjects", type=int, default=32, help="people in a batch")
    parser.add_argument("--clips", type=int, default=8, help="clips of each of them")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="a trial on a CPU: tiny networks, true masks")
    return parser.parse_args()


class Filling:
    """What feeds the pool: rendering processes, if asked for, and threads that decode."""

    def __init__(self, given: argparse.Namespace, pool: Pool, segmenter: Segmenter) -> None:
        self.pool, self.segmenter, self.at_once = pool, segmenter, 2 if given.tiny else 8
        self.stop = threading.Event()
        self.ready = loaded(given.film, 1 if given.tiny else 5, self.stop, given.people, given.tiny)
        self.renderer = None
        if given.workers:
            script = Path(__file__).with_name("film.py")
            words = ["--out", given.film, "--workers", given.workers, "--people", 4 * given.people]
            self.renderer = subprocess.Popen([sys.executable, script, *map(str, words)])

    def take(self, wait: bool = False) -> bool:
        """Take in who is ready."""
        found = list(waiting(self.ready, self.at_once))
        if found:
            self.pool.add([number for number, _ in found], [one for _, one in found], self.segmenter)
        self.pool.settle(wait)
        return bool(found)

    def end(self) -> None:
        """Stop threads and processes."""
        self.stop.set()
        if self.renderer is not None:
            self.renderer.terminate()


def main() -> None:
    """See the module."""
    given = options()
    began, device = time.time(), torch.device(given.device)
    given.out.mkdir(parents=True, exist_ok=True)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    pool = Pool(given.people, device)
    filling = Filling(given, pool, Segmenter(device, perfect=given.tiny))
    real = None if given.real is None else Real(given.real, device, unpack)
    try:
        while time.time() - began < given.first or len(pool.training) < (1 if given.tiny else 2) * given.subjects:
            if not filling.take(wait=True):
                time.sleep(0.05)
            if time.time() - began > given.seconds:
                raise SystemExit(f"only {pool.count} people were rendered in time")
        print(f"pool: {pool.count} people after {time.time() - began:.1f} s", flush=True)
        trainers = [Trainer(arm, device, given.subjects, given.clips) for arm in arms(given.tiny)]
        train(trainers, filling, real, given, began)
    finally:
        filling.end()


def train(
    trainers: list[Trainer], filling: Filling, real: Real | None, given: argparse.Namespace, began: float
) -> None:
    """Steps of all arms in turn until the time is over; the last row comes at the end."""
    pool, start, rows, rounds = filling.pool, time.time(), 0, 0
    length = given.seconds - (start - began) - (1 if given.tiny else 25)
    while (passed := time.time() - start) < length:
        for trainer in trainers:
            if rounds % trainer.arm.every == 0:
                trainer.step(pool, passed / length)
        filling.take()
        rounds += 1
        if rounds % 8 == 0 and pool.device.type == "cuda":
            torch.cuda.synchronize()  # the clock decides, so the queue must stay short
        if rounds in (1, 20, 100):
            print(f"round {rounds} at {time.time() - began:.1f} s, {pool.count} people", flush=True)
        if passed > (rows + 1) * given.rows_every and length - passed > 40:
            rows += 1
            report(trainers, pool, real, given.out, began)
    report(trainers, pool, real, given.out, began)
    print(f"done: {rounds} rounds, {pool.count} people, {time.time() - began:.1f} s", flush=True)


if __name__ == "__main__":
    main()
