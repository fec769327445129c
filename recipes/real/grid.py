"""From scratch on a CPU, one change at a time: which training helps on real people.

    python recipes/real/grid.py --pool pool.npz --real real.npz --out runs/grid --arms drawn film --seeds 0 1

Each arm trains the network of `street` anew at half the size (narrow GaitSet, frames of 32 x 22, 400 steps of 16 people
x 4 clips x 6 frames). It is then scored on real people by `fair.py`, whitened by the pool's held-out people, and by
`anatomy.py`'s probe of the outfit. A finished arm and seed is skipped; an unfinished one starts again. `--table` prints
what is there.

`pool.py` makes the pool; `score.pack_real` makes `real.npz`, which is never part of the project.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from anatomy import probe_of
from fair import WAYS, Clips, Hits, load, mean_interval, of_store, score
from safetensors.torch import load_file, save_file
from score import whitening
from torch import Tensor, nn
from train import entropy, hardest, spoiled
from upright import Landmarks, learn_file, upright_bits

from walkprint.core.batch import GaitOutput
from walkprint.core.files import write_atomically
from walkprint.core.process import keep_freed_memory
from walkprint.losses import GeneralizedInterClassLoss
from walkprint.networks import GaitSet

FORMS = ("drawn", "film", "clean", "bare")
HELD_OUT, SUBJECTS, CLIPS, FRAMES, FEWEST = 50, 16, 4, 6, 8


@dataclass(frozen=True)
class Arm:
    """What an arm changes.

    Attributes:
        kinds: forms of the pool's clips that it learns from.
        bare: weight of the loss that a dressed clip and the same steps without clothes have the same embedding.
        undressed: the last clip of each person shows the same steps as the one before without clothes; so with `bare`.
        clothes: weight of the squared correlation between embeddings and what is worn, within people.
        within: negatives of a triplet come from one kind of clip only.
        margin: the margin form of the generalized inter-class loss instead of the hardest triplets.
        snippets: the frames of a clip come from two short windows instead of from anywhere.
        upright: all masks, real ones as well, are aligned by the skeleton first.
        oracle: half of a batch are real people, every other one of KTH and USF, and only the others are scored; two
            trainings, so that each person is scored once. It shows where the ceiling is and is no result.
        trained: False leaves the network as it was drawn: what the shape of the network alone is worth.
        channels: of the network.
    """

    kinds: tuple[str, ...] = ("drawn", "film")
    bare: float = 0.0
    undressed: bool = False
    clothes: float = 0.0
    within: bool = False
    margin: bool = False
    snippets: bool = False
    upright: bool = False
    oracle: bool = False
    trained: bool = True
    channels: tuple[int, int, int] = (24, 48, 96)


ARMS = {
    "untrained": Arm(trained=False),
    "clean": Arm(kinds=("clean",)),
    "drawn": Arm(kinds=("drawn",)),
    "film": Arm(kinds=("film",)),
    "model": Arm(kinds=("model",)),
    "both": Arm(),
    "within": Arm(within=True),
    "margin": Arm(margin=True),
    "snippets": Arm(snippets=True),
    "undressed": Arm(kinds=("film",), undressed=True),
    "bare": Arm(kinds=("film",), undressed=True, bare=1.0),
    "clothes": Arm(clothes=1.0),
    "clothes-weak": Arm(clothes=0.1),
    "upright": Arm(upright=True),
    "oracle": Arm(oracle=True),
}


class Pool:
    """Clips of rendered people, `pool.py`; the last `HELD_OUT` people train nothing."""

    def __init__(self, file: Path) -> None:
        with np.load(file, allow_pickle=False) as stored:
            self.bits = {name: torch.from_numpy(stored[name]) for name in FORMS if name in stored}
            outfit, seen = stored["outfit"].astype(np.float32), stored["seen"]
        beside = file.with_name("model.npz")
        if beside.exists():
            with np.load(beside, allow_pickle=False) as stored:
                self.bits["model"] = torch.from_numpy(stored["model"])
            if self.bits["model"].shape != self.bits["clean"].shape:
                raise SystemExit(f"{beside} was made from another pool than {file}; make it again, or delete it")
        self.usable = {name: bits.any(-1).numpy() for name, bits in self.bits.items()}  # (person, clip, time)
        if "film" in self.usable:
            self.usable["film"] &= seen
        spread = outfit.reshape(-1, outfit.shape[-1])
        self.outfit = torch.from_numpy(np.clip((outfit - spread.mean(0)) / (spread.std(0) + 1e-6), -3, 3))
        self.training = len(outfit) - HELD_OUT
        self.real: list[list[list[Tensor]]] = []  # of each real person and direction, all clips in bits

    def align(self, landmarks: Landmarks) -> None:
        """Align all clips by their skeletons."""
        for name, bits in self.bits.items():
            flat = bits.numpy().reshape(-1, *bits.shape[2:])
            self.bits[name] = torch.from_numpy(np.stack([upright_bits(landmarks, clip) for clip in flat])).view_as(bits)

    def draw(self, rng: np.random.Generator, arm: Arm):
        """Bits (clip, time, 352), the worn (clip, thing) and the kind (clip,) of each of a batch's clips."""
        rows, worn, kinds = [], [], []
        known = SUBJECTS // 2 if self.real else 0
        for real in rng.choice(len(self.real), known, replace=False) if known else ():
            clips = self.real[real][rng.integers(len(self.real[real]))]  # of one direction
            for clip in rng.permutation(len(clips))[np.arange(CLIPS) % len(clips)]:
                bits = clips[clip]
                rows.append(bits[torch.from_numpy(rng.choice(len(bits), FRAMES, replace=len(bits) < FRAMES))])
                worn.append(torch.zeros(self.outfit.shape[-1]))
                kinds.append("real")
        shown = [(self.usable[kind][: self.training].sum(-1) >= FEWEST).any(-1) for kind in arm.kinds]
        for who in rng.choice(np.flatnonzero(np.any(shown, axis=0)), SUBJECTS - known, replace=False):
            choice = [
                (kind, take) for kind in arm.kinds for take in range(6) if self.usable[kind][who, take].sum() >= FEWEST
            ]
            order = rng.permutation(len(choice))
            picked = [choice[order[i % len(order)]] for i in range(CLIPS - (1 if arm.undressed else 0))]
            if arm.undressed:
                picked.append(("bare", picked[-1][1]))
            times = None
            for kind, take in picked:
                if kind != "bare" or times is None:
                    there = np.flatnonzero(self.usable[kind][who, take])
                    times = in_windows(rng, there) if arm.snippets else rng.choice(there, FRAMES, replace=False)
                rows.append(self.bits[kind][who, take, torch.from_numpy(times)])
                worn.append(self.outfit[who, take])
                kinds.append(kind)
        return torch.stack(rows), torch.stack(worn), np.array(kinds)

    def held_out(self) -> tuple[list[Tensor], Tensor]:
        """Drawn and filmed clips of the people held out, as lists of bits (time, 352), and their labels."""
        clips, labels = [], []
        for who in range(self.training, len(self.outfit)):
            for kind in [name for name in ("drawn", "film") if name in self.bits]:
                for take in range(6):
                    times = np.flatnonzero(self.usable[kind][who, take])
                    if len(times) >= FEWEST:
                        clips.append(self.bits[kind][who, take, torch.from_numpy(times)])
                        labels.append(who)
        return clips, torch.tensor(labels)


def in_windows(rng: np.random.Generator, there: np.ndarray) -> np.ndarray:
    """Half of the frames from each of two windows of four, which lie in different halves of a clip."""
    halves = np.array_split(there, 2)
    starts = [rng.integers(len(half) - 3) for half in halves]
    return np.concatenate(
        [half[start : start + 4][rng.permutation(4)[: FRAMES // 2]] for half, start in zip(halves, starts, strict=True)]
    )


def unpack(bits: Tensor) -> Tensor:
    """Bits uint8 (..., 352) to float (..., 64, 44), 0 or 1."""
    shifts = torch.arange(7, -1, -1, dtype=torch.uint8)
    return (bits.unsqueeze(-1) >> shifts & 1).flatten(-2).unflatten(-1, (64, 44)).float()


def halved(clips: Tensor) -> Tensor:
    """Frames (clip, time, 1, 64, 44) at half the size."""
    return F.avg_pool2d(clips.flatten(0, 1), 2).unflatten(0, clips.shape[:2])


def by_clothes(embeddings: Tensor, worn: Tensor) -> Tensor:
    """Squared correlation of each feature with each worn thing, within people, against the features' whole spread."""
    unit = F.normalize(embeddings.float(), dim=-1).unflatten(0, (SUBJECTS, CLIPS))
    rest = (unit - unit.mean(1, keepdim=True)).flatten(0, 1)
    things = worn.unflatten(0, (SUBJECTS, CLIPS))
    things = (things - things.mean(1, keepdim=True)).flatten(0, 1)
    things = things / things.square().mean(0).add(1e-3).sqrt()
    spread = (unit - unit.mean((0, 1))).square().mean((0, 1)).sum(-1).detach()  # (part,)
    covariance = torch.einsum("bpf,bt->pft", rest, things) / len(things)
    return (covariance.square().sum(1).mean(-1) / spread).mean() * 10


def within_kinds(embeddings: Tensor, kinds: np.ndarray) -> Tensor:
    """The hardest triplets, where a negative is of the anchor's kind."""
    number = torch.from_numpy(np.unique(kinds, return_inverse=True)[1])
    wide = embeddings.float().transpose(0, 1)
    same = torch.arange(SUBJECTS).repeat_interleave(CLIPS)
    equal, fits = same[:, None] == same, number[:, None] == number
    distances = torch.cdist(wide, wide).clamp_min(1e-4)
    farthest = distances.masked_fill(~equal, -1.0).amax(2)
    nearest = distances.masked_fill(equal | ~fits, 1e4).amin(2)
    return F.relu(farthest - nearest + 0.2).mean()


def separating(arm: Arm):
    """The arm's loss beside the cross entropy, of embeddings (clip, part, feature) and kinds (clip,)."""
    if arm.within:
        return within_kinds
    if arm.margin:
        subjects = torch.arange(SUBJECTS).repeat_interleave(CLIPS)
        margin = GeneralizedInterClassLoss(form="margin", margin=0.2, uniformity=0.1)
        return lambda embeddings, _: margin(GaitOutput(embeddings.float()), subjects).value
    return lambda embeddings, _: hardest(embeddings, SUBJECTS, CLIPS)


def network_of(arm: Arm) -> nn.Module:
    """The arm's network, as it is drawn."""
    size = {"height_px": 32, "width_px": 22, "strips": (8, 4, 2, 1)}
    return GaitSet(channels=arm.channels, feature=128, global_branch=False, batch_norm=True, **size)


def train(arm: Arm, pool: Pool, seed: int, steps: int) -> nn.Module:
    """The averaged network, ready to embed."""
    torch.manual_seed(seed)
    network = network_of(arm).to(memory_format=torch.channels_last).train()
    average = {name: value.detach().clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, weight_decay=5e-3)
    apart, rng, generator = separating(arm), np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    for step in range(steps):
        share = step / steps
        rate = 2e-3 * min(share / 0.08, 1.0) * (0.5 + 0.5 * np.cos(np.pi * max(share - 0.08, 0) / 0.92)) + 1e-6
        for group in optimizer.param_groups:
            group["lr"] = rate
        bits, worn, kinds = pool.draw(rng, arm)
        embeddings = network(halved(spoiled(unpack(bits).unsqueeze(2), generator))).embeddings
        loss = apart(embeddings, kinds) + entropy(embeddings, SUBJECTS, CLIPS)
        if arm.bare:
            pairs = F.normalize(embeddings.unflatten(0, (SUBJECTS, CLIPS))[:, -2:], dim=-1)
            loss = loss + arm.bare * (1 - (pairs[:, 0] * pairs[:, 1]).sum(-1)).mean() * 4
        if arm.clothes:
            loss = loss + arm.clothes * by_clothes(embeddings, worn)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimizer.step()
        keep = min(0.99, 1 - 1 / (1 + step))
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                average[name].lerp_(value, 1 - keep)
        if step % 10 == 0:
            print(f"  step {step} of {steps}: loss {float(loss.detach()):.3f}", flush=True)
    network.load_state_dict(average)
    return network.eval()


def embedder(network: nn.Module, landmarks: Landmarks | None = None):
    """A function of a list of clips in bits (time, 352); with landmarks they are aligned by the skeleton first."""

    @torch.inference_mode()
    def embed(clips) -> np.ndarray:
        if landmarks is not None:
            clips = [upright_bits(landmarks, np.asarray(clip)) for clip in clips]
        found = [network(halved(unpack(torch.as_tensor(clip)).unsqueeze(1).unsqueeze(0))).embeddings for clip in clips]
        return torch.cat(found).float().numpy()

    return embed


def half_of(sets: dict[str, Clips], fold: int) -> list[list[list[Tensor]]]:
    """Every other person of KTH and USF; of each, the clips of each direction."""
    found = []
    for name in ("kth", "usf"):
        clips = sets[name]
        for who in np.unique(clips.subject)[fold::2]:
            rows = [np.flatnonzero((clips.subject == who) & (clips.view == view)) for view in np.unique(clips.view)]
            found.append([[torch.from_numpy(clips.frames[row]) for row in some] for some in rows if len(some)])
    return found


def joined(halves: list, sets: dict[str, Clips]) -> dict:
    """Each person's hits by the network that was not trained on them."""
    found: dict = {way: {} for way in WAYS}
    for way in WAYS:
        for name in ("kth", "usf"):
            people = np.unique(sets[name].subject)
            parts = [(half[way][name], people[1 - fold :: 2]) for fold, half in enumerate(halves)]
            found[way][name] = {
                column: Hits(
                    np.concatenate([one[column].subject[np.isin(one[column].subject, who)] for one, who in parts]),
                    np.concatenate([one[column].right[np.isin(one[column].subject, who)] for one, who in parts]),
                )
                for column in parts[0][0]
            }
    return found


def one(name: str, seed: int, given: argparse.Namespace) -> None:
    """Train and score an arm; its row is written last."""
    row = given.out / f"{name}-{seed}.json"
    if row.exists():
        there = json.loads(row.read_text())
        if there["steps"] != given.steps:
            raise SystemExit(
                f"{row} took {there['steps']} steps, not {given.steps}; choose another --out, or delete it"
            )
        return
    pool, landmarks = Pool(given.pool), None
    missing = {*ARMS[name].kinds, *(["bare"] if ARMS[name].undressed else [])} - set(pool.bits)
    if missing:
        raise SystemExit(f"{given.pool} has no {' and '.join(sorted(missing))} clips, which arm {name} needs")
    clips, labels = pool.held_out()
    if ARMS[name].upright:
        landmarks = landmarks_of(given)
        pool.align(landmarks)
    sets = load(given.real) | {store.name: of_store(store) for store in given.videos}
    began, halves = time.time(), []
    for fold in (0, 1) if ARMS[name].oracle else (None,):
        pool.real = [] if fold is None else half_of(sets, fold)
        network = train(ARMS[name], pool, seed, given.steps if ARMS[name].trained else 0)
        if fold is None:
            save_file(
                {key: value.contiguous() for key, value in network.state_dict().items()},
                given.out / f"{name}-{seed}.safetensors",
            )  # never of real people
        embed = embedder(network, landmarks)
        mean, root = (one.numpy() for one in whitening(torch.from_numpy(embed(clips)), labels))
        halves.append(score(sets, embed, mean, root))
    found = halves[0] if len(halves) == 1 else joined(halves, sets)
    keep(row, {"arm": name, "seed": seed, "steps": given.steps, "settings": asdict(ARMS[name])}, found, embed, given)
    print(name, seed, f"{time.time() - began:.0f} s", flush=True)
    table(given.out, [name])


def landmarks_of(given: argparse.Namespace) -> Landmarks:
    """Learned once for a pool."""
    return learn_file(given.pool.with_name("marks.npz"), given.pool.with_name("landmarks.pt"))


def keep(row: Path, about: dict, found: dict, embed, given: argparse.Namespace) -> None:
    """Write a row: each probe's hit, and how often the outfit is read."""
    leak = None
    if given.outfits:
        with np.load(given.outfits, allow_pickle=False) as stored:
            leak = probe_of(embed(stored["bits"]), stored["subject"], stored["outfit"])
    plain = {way: {name: {column: [hit.subject.tolist(), hit.right.tolist()] for column, hit in columns.items()}
             for name, columns in groups.items()} for way, groups in found.items()}  # fmt: skip
    write_atomically(row, json.dumps(about | {"leak": leak, "hits": plain}).encode())


def fused(names: list[str], seed: int, given: argparse.Namespace) -> None:
    """Score trained networks side by side: all their parts count in one cosine. Names as `both-0`."""
    name, out = "+".join(names), given.out / "fused"
    for part in names:
        if part.rpartition("-")[0] not in ARMS or not (given.out / f"{part}.safetensors").exists():
            raise SystemExit(f"--fused {part}: no trained network in {given.out}; expected names as both-0")
    if (out / f"{name}-{seed}.json").exists():
        return
    out.mkdir(exist_ok=True)
    embeds = []
    for part in names:
        arm = ARMS[part.rpartition("-")[0]]
        network = network_of(arm)
        network.load_state_dict(load_file(given.out / f"{part}.safetensors"))
        network = network.to(memory_format=torch.channels_last).eval()
        embeds.append(embedder(network, landmarks_of(given) if arm.upright else None))

    def embed(clips) -> np.ndarray:
        return np.concatenate([one(clips) for one in embeds], axis=1)

    clips, labels = Pool(given.pool).held_out()
    mean, root = (one.numpy() for one in whitening(torch.from_numpy(embed(clips)), labels))
    sets = load(given.real) | {store.name: of_store(store) for store in given.videos}
    keep(out / f"{name}-{seed}.json", {"arm": name, "seed": seed}, score(sets, embed, mean, root), embed, given)
    table(out, [name])


def rows_of(prefix: Path) -> list[dict]:
    """The rows of an arm, one per seed."""
    return [json.loads(file.read_text()) for file in sorted(prefix.parent.glob(f"{prefix.name}-[0-9]*.json"))]


def difference(runs: list[dict], others: list[dict], way: str, group: str, resamples: int = 2000) -> str:
    """Of two arms on the same people, in points: means over columns and seeds, 95 % by bootstrap over people."""
    people = sorted(
        {who for run in runs + others for subjects, _ in run["hits"][way][group].values() for who in subjects}
    )
    drawn = np.random.default_rng(0).integers(len(people), size=(resamples, len(people)))
    weight = np.vstack([np.ones(len(people)), [np.bincount(row, minlength=len(people)) for row in drawn]])
    means = []
    for arm in (runs, others):
        shares = []
        for run in arm:
            for subjects, right in run["hits"][way][group].values():
                place = np.searchsorted(people, subjects)
                hits = weight @ np.bincount(place, right, len(people))
                shares.append(hits / np.maximum(weight @ np.bincount(place, minlength=len(people)), 1))
        means.append(100 * np.mean(shares, axis=0))
    middle, *rest = means[0] - means[1]
    low, high = np.percentile(rest, (2.5, 97.5))
    return f"{middle:+.1f} [{low:+.1f}, {high:+.1f}]"


def table(out: Path, names: list[str], against: Path | None = None) -> None:
    """Rows of what is there: mean over seeds, 95 % over people; or differences from another arm."""
    for name in names:
        runs = rows_of(out / name)
        if not runs:
            continue
        if against is not None:
            others = rows_of(against)
            cells = [f"{group} {difference(runs, others, WAYS[-1], group)}" for group in runs[0]["hits"]["none"]]
            print(f"{name} minus {against.name}, {WAYS[-1]}: {'; '.join(cells)}")
            continue
        print(f"{name}: seeds {[run['seed'] for run in runs]}, outfit read {[run['leak'] for run in runs]}")
        for group in runs[0]["hits"]["none"]:
            cells = []
            for way in WAYS:
                columns = [
                    {column: Hits(*map(np.array, pair)) for column, pair in run["hits"][way][group].items()}
                    for run in runs
                ]
                middle, low, high = mean_interval(columns)
                each = "/".join(f"{np.mean([run[column].percent for run in columns]):.0f}" for column in columns[0])
                seeds = " ".join(f"{np.mean([hit.percent for hit in run.values()]):.1f}" for run in columns)
                cells.append(f"{way} {each} {middle:.1f} [{low:.0f}, {high:.0f}] ({seeds})")
            print(f"  {group}: " + " | ".join(cells))


def main() -> None:
    """See the module."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pool", type=Path)
    options.add_argument("--real", type=Path)
    options.add_argument("--videos", type=Path, nargs="*", default=[], help="stores that `walkprint segment` made")
    options.add_argument("--outfits", type=Path, help="`outfits.npz` of `pool.py`")
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--arms", nargs="*", choices=list(ARMS), default=list(ARMS))
    options.add_argument("--seeds", type=int, nargs="*", default=[0, 1])
    options.add_argument("--steps", type=int, default=400)
    options.add_argument("--fused", nargs="*", default=[], help="score these side by side, as `both-0 upright-0`")
    options.add_argument("--table", action="store_true", help="train nothing")
    options.add_argument("--against", type=Path, help="with --table: differences from this arm, e.g. real/grid/both")
    given = options.parse_args()
    if (given.fused or not given.table) and (given.pool is None or given.real is None):
        options.error("--pool and --real are needed, except for --table")
    given.out.mkdir(parents=True, exist_ok=True)
    keep_freed_memory()
    torch.set_num_threads(1)
    if given.fused:
        fused(given.fused, given.seeds[0], given)
    elif not given.table:
        for seed in given.seeds:
            for name in given.arms:
                one(name, seed, given)
    table(given.out, given.arms, given.against)


if __name__ == "__main__":
    main()
