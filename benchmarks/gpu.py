"""Training steps, feeds, embedding and rendering on a GPU, in one script that ends in four minutes and loses nothing.

Every row is a line of JSON as soon as it is known, and goes to the file of `--out`; a row that fails says why, and the
next one runs. The most important rows come first; those for which no time is left say so.

Usage: python benchmarks/gpu.py [--seconds 240] [--out rows.jsonl] [--only WORDS] [--device cpu --tiny]
Neither walkprint nor its optional packages need be installed: it runs from a checkout. All rows with all ways of
compiling take about ten minutes; `--only WORDS` takes the rows whose names hold one of the words.
"""

import argparse
import contextlib
import math
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import _gpu  # first: it finds the checkout, and stands in for packages that are absent
import numpy as np
import torch
from _gpu import Rows, Step, profile, synchronize, timed, write_store
from torch import Tensor, nn

from walkprint.core.batch import ClipBatch, GaitOutput
from walkprint.core.sequence import SequenceKey
from walkprint.data.augment import Erasing, Flip, Perspective, Rotation
from walkprint.data.frames import Contiguous
from walkprint.data.loading import TrainingBatches, prefetched
from walkprint.data.resident import ResidentBatches
from walkprint.data.sampling import SubjectSampler
from walkprint.data.store import Store
from walkprint.losses import CrossEntropyLoss, TripletLoss
from walkprint.networks import DeepGaitV2, GaitBase, GaitGL, GaitSet
from walkprint.networks.base import Network


class Bench:
    """The sizes of a run, its data, and its networks.

    Args:
        device: where it runs.
        tiny: sizes at which a CPU comes to the end.
        folder: for the stores.
    """

    def __init__(self, device: torch.device, tiny: bool, folder: Path) -> None:
        self.device, self.tiny = device, tiny
        self.subjects, self.clips, self.time = (2, 2, 3) if tiny else (8, 16, 30)
        self.warm, self.steps = (1, 1) if tiny else (6, 24)
        self.people = 4 if tiny else 24
        takes, length = (3, 6) if tiny else (16, 80)
        self.stores = {bits: write_store(folder / f"bits{bits}", bits, self.people, takes, length) for bits in (8, 1)}
        self.resident: dict[int, ResidentBatches] = {}

    def network(self, name: str) -> Network:
        """A network, as a recipe builds it."""
        torch.manual_seed(0)
        narrow: dict[str, Any] = {}
        if self.tiny:
            narrow = {"channels": (8, 8, 8) if name.startswith("GaitSet") else (8, 8, 8, 8)}
        known = self.people
        built: Network
        if name == "GaitSet":
            built = GaitSet(**narrow)
        elif name == "GaitSet narrow":
            built = GaitSet(channels=(16, 32, 64), batch_norm=True, num_subjects=known, global_branch=False)
        elif name == "GaitGL":
            built = GaitGL(num_subjects=known, **narrow)
        elif name == "DeepGaitV2-P3D":
            built = DeepGaitV2(mode="p3d", num_subjects=known, **narrow)
        else:
            built = GaitBase(num_subjects=known, **narrow)
        return built.to(self.device).train()

    def batches(self, bits: int = 8, subjects: int | None = None) -> TrainingBatches:
        """Clips with the customary augmentations, 44 columns wide."""
        store: Store = self.stores[bits]
        return TrainingBatches(
            store,
            store.keys,
            chooser=Contiguous(self.time),
            sampler=SubjectSampler(subjects or self.subjects, self.clips),
            augmentations=(Flip(p=0.3), Perspective(p=0.3), Rotation(p=0.3), Erasing(p=0.3)),
            width_px=44,
        )

    def on_device(self, bits: int = 8) -> ResidentBatches:
        """The same, made on the device."""
        if bits not in self.resident:
            self.resident[bits] = ResidentBatches.of(self.batches(bits), self.device)
        return self.resident[bits]


def cross_entropy_and_triplet(network: nn.Module) -> Callable[[GaitOutput, Tensor], Tensor]:
    """What the recipes minimize."""
    triplet, identity = TripletLoss(), CrossEntropyLoss()

    def judge(output: GaitOutput, subjects: Tensor) -> Tensor:
        value = triplet(output, subjects).value
        return value if output.logits is None else value + identity(output, subjects).value

    return judge


def training_step(
    network: Network,
    device: torch.device,
    *,
    precision: torch.dtype | None = torch.bfloat16,
    scaler: Any = None,
    optimizer: torch.optim.Optimizer | None = None,
) -> Step:
    """What the training loop does in a step: forward, losses, backward, norm of the gradient, optimizer."""
    judge = cross_entropy_and_triplet(network)
    own = list(network.parameters())
    fused = device.type == "cuda"
    moved = optimizer or torch.optim.SGD(own, lr=0.02, momentum=0.9, weight_decay=5e-4, fused=fused)

    def step(batch: ClipBatch) -> Tensor:
        batch = batch.to(device)
        with torch.autocast(device.type, dtype=precision or torch.bfloat16, enabled=precision is not None):
            output = network(network.prepare(batch.frames))
        value = judge(output, batch.subjects)
        if scaler is None:
            value.backward()
        else:
            scaler.scale(value).backward()
            scaler.unscale_(moved)
        nn.utils.clip_grad_norm_(own, math.inf)
        if scaler is None:
            moved.step()
        else:
            scaler.step(moved)
            scaler.update()
        moved.zero_grad(set_to_none=True)
        return value.detach()

    return step


def textbook_step(name: str, bench: Bench, precision: torch.dtype | None) -> Step:
    """The customary loop: plain layers, normalized on the host, pageable copies, numbers read at every step."""
    from tests.oracles.triplet import textbook_triplet
    from twins import PAIRS

    torch.manual_seed(0)
    plain = PAIRS[name][1]().to(bench.device).train()
    moved = torch.optim.SGD(plain.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)
    identity = CrossEntropyLoss()

    def step(batch: ClipBatch) -> Tensor:
        frames = torch.from_numpy((batch.frames.numpy() / 255.0).astype(np.float32)).to(bench.device)
        subjects = batch.subjects.to(bench.device)
        with torch.autocast(bench.device.type, dtype=precision or torch.bfloat16, enabled=precision is not None):
            output = plain(frames)
        embeddings = output[0] if isinstance(output, tuple) else output.embeddings
        logits = output[1] if isinstance(output, tuple) else output.logits
        value = textbook_triplet(embeddings.float(), subjects)
        if logits is not None:
            value = value + identity(GaitOutput(embeddings, logits.float()), subjects).value
        value.item()
        moved.zero_grad()
        value.backward()
        moved.step()
        return value.detach()

    return step


def endless(batches: TrainingBatches) -> Iterator[ClipBatch]:
    """Batch after batch, each made when it is asked for."""
    step = 0
    while True:
        yield batches.batch(step)
        step += 1


def step_row(
    bench: Bench,
    name: str,
    feed: str,
    *,
    compile_mode: str | None = None,
    channels_last: bool = True,
    benchmark: bool = True,
    precision: torch.dtype | None = torch.bfloat16,
    with_profile: bool = False,
    plain_norm: bool = False,
) -> dict[str, Any]:
    """A training step of one network with one feed: "textbook", "host", "resident" or "resident1" of 1 bit."""
    torch.backends.cudnn.benchmark = benchmark and feed != "textbook"
    stop = 100_000
    with contextlib.ExitStack() as stack:
        if feed == "textbook":
            step = textbook_step(name, bench, None if bench.tiny else precision)
            batches: Iterator[ClipBatch] = endless(bench.batches())
        else:
            network = bench.network(name)
            if plain_norm:
                use_torch_norm(network)
            if channels_last:
                for parameter in network.parameters():
                    if parameter.ndim == 4:
                        parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
            if compile_mode is not None:
                compile_network(network, compile_mode, bench.tiny)
            step = training_step(network, bench.device, precision=precision)
            source = bench.batches() if feed == "host" else bench.on_device(1 if feed == "resident1" else 8)
            batches = stack.enter_context(contextlib.closing(prefetched(source, 0, stop, device=bench.device)))
        found = timed(step, batches, bench.device, bench.warm, bench.steps)
        frames = bench.subjects * bench.clips * bench.time
        found["frames_per_s"] = frames / found["wall_ms"] * 1e3
        if with_profile:
            found |= profile(step, batches, bench.device, 1 if bench.tiny else 5, found["ms"])
    return found


def compile_network(network: nn.Module, mode: str, tiny: bool) -> None:
    """Compile in place, so that names in checkpoints stay."""
    if tiny:
        network.compile(backend="aot_eager", dynamic=False, fullgraph=True)
    else:
        network.compile(mode=None if mode == "default" else mode, dynamic=False)


def use_torch_norm(network: nn.Module) -> None:
    """Torch's batch norm in the place of ours."""
    for module in network.modules():
        if type(module).__name__ == "BatchNorm2d":
            module.__class__ = nn.BatchNorm2d


def machine_row(bench: Bench) -> dict[str, Any]:
    """What it runs on, and the two ceilings: bytes a second, bf16 operations a second."""
    device = bench.device
    found: dict[str, Any] = {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
        "absent": _gpu.STAND_INS,
    }
    if device.type == "cuda":
        found |= {
            "device": torch.cuda.get_device_name(device),
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
        }
        words = ["nvidia-smi", "--query-gpu=driver_version,clocks.sm,memory.total", "--format=csv,noheader"]
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            found["nvidia_smi"] = subprocess.run(
                words, capture_output=True, text=True, timeout=20, check=True
            ).stdout.strip()
    size = 256 if bench.tiny else 8192
    one, other = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    source = torch.randint(0, 255, (1 << (20 if bench.tiny else 31),), device=device, dtype=torch.uint8)
    target = torch.empty_like(source)
    for name, call, amount in (
        ("tflops_bf16", lambda: one @ other, 2 * size**3 / 1e12),
        ("copy_tb_per_s", lambda: target.copy_(source), 2 * source.numel() / 1e12),
    ):
        for _ in range(3):
            call()
        synchronize(device)
        start = time.perf_counter()
        for _ in range(10):
            call()
        synchronize(device)
        found[name] = amount * 10 / (time.perf_counter() - start)
    return found


def pixels_row(bench: Bench) -> dict[str, Any]:
    """Batches made on the device beside those made on the host: the largest difference in gray levels."""
    worst, changed, found = 0, 0.0, {}
    for bits in (8, 1):
        host, resident = bench.batches(bits), bench.on_device(bits)
        for number in range(2 if bench.tiny else 8):
            one, other = host.batch(number), resident.batch(number)
            apart = (one.frames.int() - other.frames.cpu().int()).abs()
            worst, changed = max(worst, int(apart.max())), max(changed, float((apart > 0).float().mean()))
            assert torch.equal(one.subjects, other.subjects.cpu())
        found[f"resident_mb_{bits}_bits"] = resident._packed.packed.numel() / 1e6
    return {"gray_levels_apart": worst, "share_of_pixels": changed, "ok": worst <= 1, **found}


def synchronizations_row(bench: Bench) -> dict[str, Any]:
    """Steps in which waiting for the device is an error."""
    step = training_step(bench.network("GaitBase"), bench.device)
    with contextlib.closing(prefetched(bench.on_device(), 0, 100, device=bench.device)) as batches:
        for _ in range(2):
            step(next(batches))
        synchronize(bench.device)
        if bench.device.type == "cuda":
            torch.cuda.set_sync_debug_mode("error")
        try:
            for _ in range(1 if bench.tiny else 5):
                step(next(batches))
        finally:
            if bench.device.type == "cuda":
                torch.cuda.set_sync_debug_mode("default")
        synchronize(bench.device)
    return {"synchronizations": 0, "ok": True}


def learning_row(bench: Bench) -> dict[str, Any]:
    """A narrow GaitSet learns: its loss falls."""
    network = bench.network("GaitSet narrow")
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    step = training_step(network, bench.device, optimizer=optimizer)
    count, end = (4, 1) if bench.tiny else (100, 10)
    with contextlib.closing(prefetched(bench.on_device(), 0, count, device=bench.device)) as batches:
        values = torch.stack([step(batch) for batch in batches]).tolist()
    first, last = sum(values[:end]) / end, sum(values[-end:]) / end
    return {"steps": count, "first": first, "last": last, "ok": bool(last < first)}


def fp16_row(bench: Bench) -> dict[str, Any]:
    """Half precision with a gradient scaler: the loss stays finite."""
    if bench.device.type != "cuda":
        return {"skipped": "needs a GPU"}
    network = bench.network("GaitSet narrow")
    scaler = torch.amp.GradScaler("cuda")
    step = training_step(network, bench.device, precision=torch.float16, scaler=scaler)
    with contextlib.closing(prefetched(bench.on_device(), 0, 20, device=bench.device)) as batches:
        values = torch.stack([step(batch) for batch in batches]).tolist()
    return {"last": values[-1], "scale": scaler.get_scale(), "ok": all(math.isfinite(one) for one in values)}


def processes_row(bench: Bench) -> dict[str, Any]:
    """One process in a group of its own, NCCL on a GPU: a sum, and a step under DistributedDataParallel."""
    import torch.distributed as dist

    backend = "nccl" if bench.device.type == "cuda" else "gloo"
    with tempfile.TemporaryDirectory() as folder:
        dist.init_process_group(backend, init_method=f"file://{folder}/meet", rank=0, world_size=1)
        try:
            number = torch.ones(4, device=bench.device)
            dist.all_reduce(number)
            network = bench.network("GaitSet narrow")
            ids = [bench.device.index or 0] if bench.device.type == "cuda" else None
            wrapped = nn.parallel.DistributedDataParallel(network, device_ids=ids)
            batch = bench.on_device().batch(0)
            output = wrapped(network.prepare(batch.frames).float())
            cross_entropy_and_triplet(network)(output, batch.subjects).backward()
            norm = float(nn.utils.clip_grad_norm_(network.parameters(), math.inf))
        finally:
            dist.destroy_process_group()
    return {"backend": backend, "sum": number.sum().item(), "gradient_norm": norm, "ok": math.isfinite(norm)}


def fit_row(bench: Bench, *, compiled: bool = False) -> dict[str, Any]:
    """The library's own training loop, through Fabric, on data that it lays on the device."""
    from walkprint.losses.base import Loss
    from walkprint.training.fit import fit
    from walkprint.training.loop import Loop

    losses: dict[str, Loss] = {"triplet": TripletLoss(), "identity": CrossEntropyLoss()}
    steps, half = (2, 1) if bench.tiny else (60, 20)
    marks: dict[int, float] = {}
    settings: dict[str, Any] = {"accelerator": bench.device.type, "precision": "bf16-mixed", "channels_last": True}
    settings |= {"steps": steps, "log_every": half, "resident": "device", "compile": compiled and not bench.tiny}
    network, optimizer = bench.network("GaitBase"), partial(torch.optim.SGD, lr=0.02, momentum=0.9, weight_decay=5e-4)
    more: dict[str, Any] = {"listeners": [lambda step, numbers: marks.update({step: time.perf_counter()})]}
    with tempfile.TemporaryDirectory() as folder:
        result = fit(network, losses, bench.batches(), optimizer, Loop(**settings), folder, **more)
    found = {"loss": result.numbers["loss"], "ok": math.isfinite(result.numbers["loss"])}
    if len(marks) > 1:
        first, last = min(marks), max(marks)
        found["wall_ms"] = (marks[last] - marks[first]) / (last - first) * 1e3
    return found


def feed_row(bench: Bench, kind: str) -> dict[str, Any]:
    """A feed alone: batches a second, nothing learned."""
    count = 3 if bench.tiny else 30
    batches = bench.batches() if kind == "host" else bench.on_device(1 if kind == "resident1" else 8)
    with contextlib.closing(prefetched(batches, 0, count + 3, device=bench.device)) as feed:
        for _ in range(3):
            next(feed)
        synchronize(bench.device)
        start = time.perf_counter()
        for _ in range(count):
            next(feed)
        synchronize(bench.device)
        wall = (time.perf_counter() - start) / count
    drawn = time.perf_counter()
    for number in range(count):
        bench.batches().draw(number) if bench.tiny else batches.draw(number)
    drawn = (time.perf_counter() - drawn) / count
    frames = bench.subjects * bench.clips * bench.time
    return {"wall_ms": 1e3 * wall, "draws_ms": 1e3 * drawn, "frames_per_s": frames / wall}


def embedding_row(bench: Bench, name: str) -> dict[str, Any]:
    """Frames embedded a second in bf16, whole sequences from memory of the host."""
    if name == "street":
        import walkprint

        network = walkprint.load_network("street").to(bench.device).eval()
    else:
        network = bench.network(name).eval()
    clips, length = (2, 8) if bench.tiny else (32, 80)
    frames = torch.randint(0, 2, (clips, length, 1, 64, 44), dtype=torch.uint8).mul_(255)
    frames = frames.pin_memory() if bench.device.type == "cuda" else frames
    torch.backends.cudnn.benchmark = True

    @torch.inference_mode()
    def embed(_: Any = None) -> Tensor:
        sent = frames.to(bench.device, non_blocking=True)
        with torch.autocast(bench.device.type, dtype=torch.bfloat16):
            return network(network.prepare(sent)).embeddings

    found = timed(embed, iter(lambda: 0, 1), bench.device, bench.warm, bench.steps)
    return found | {"frames_per_s": clips * length / found["wall_ms"] * 1e3}


def gan_row(bench: Bench, widths: tuple[int, ...]) -> dict[str, Any]:
    """One adversarial step of 64 frames."""
    from gan_step import Noise

    from walkprint.generation.ae_guided import AEGuidedGAN

    noise, device, on_gpu = Noise(), bench.device, bench.device.type == "cuda"
    widths = (8, 8, 8, 8) if bench.tiny else widths
    model = AEGuidedGAN(
        subjects=noise.names.subjects, conditions=noise.names.conditions, views=noise.names.views, widths=widths
    )
    model = model.to(device).train()
    stage = model.stages()[-1]
    if stage.begin is not None:
        with torch.no_grad():
            model.eval()
            stage.begin(noise)  # type: ignore[arg-type]
            model.train()
    optimizers = {phase.name: phase.optimizer(list(phase.parameters())) for phase in stage.phases}
    batch = noise.batch(0).to(device)

    def step(_: Any) -> Tensor:
        for phase in stage.phases:
            own = list(phase.parameters())
            model.requires_grad_(False)
            for parameter in own:
                parameter.requires_grad_(True)
            for repeat in range(phase.repeats):
                with torch.autocast(device.type, dtype=torch.bfloat16, enabled=on_gpu):
                    judged = phase.loss(batch, torch.Generator().manual_seed(repeat))
                judged.value.backward()
                nn.utils.clip_grad_norm_(own, math.inf)
                optimizers[phase.name].step()
                optimizers[phase.name].zero_grad(set_to_none=True)
        return judged.value.detach()

    return timed(step, iter(lambda: 0, 1), device, bench.warm, bench.steps)


def render(subject: str) -> int:
    """Render one walker's takes; gives the number of frames."""
    from walkprint.data.walkers import Walkers

    walkers = Walkers(subjects=64, frames=40)
    keys = [SequenceKey(subject, "nm", "01", view) for view in walkers.views]
    return sum(len(walkers.read(key).frames) for key in keys)


def walkers_row(bench: Bench) -> dict[str, Any]:
    """Walkers rendered a second on all cores."""
    import multiprocessing

    from walkprint.data.walkers import Walkers

    cores = len(os.sched_getaffinity(0))
    names = Walkers(subjects=64, frames=40).names
    render(names[0])  # compiles, so that the others find it in the cache
    with multiprocessing.get_context("spawn").Pool(2 if bench.tiny else cores) as pool:
        pool.map(render, names[: 2 if bench.tiny else cores], chunksize=1)
        start = time.perf_counter()
        frames = sum(pool.map(render, names[: 2 if bench.tiny else 64], chunksize=1))
        wall = time.perf_counter() - start
    return {"cores": cores, "frames_per_s": frames / wall, "walkers_per_s": (2 if bench.tiny else 64) / wall}


def rows_of(bench: Bench) -> list[tuple[str, Callable[[], dict[str, Any]], float, float]]:
    """All rows, the most important ones first: name, call, seconds that it needs, seconds after which it is stopped."""

    def step(name: str, feed: str, **settings: Any) -> Callable[[], dict[str, Any]]:
        return lambda: step_row(bench, name, feed, **settings)

    base, compiled = "GaitBase", {"compile_mode": "default"}
    large = ("GaitSet", "DeepGaitV2-P3D", "GaitGL")
    textbook = {"GaitSet": "GaitSet", "DeepGaitV2-P3D": "DeepGaitV2", "GaitGL": "GaitGL"}
    return [
        ("machine", lambda: machine_row(bench), 5, 40),
        ("pixels: device against host", lambda: pixels_row(bench), 5, 60),
        ("step GaitBase, resident", step(base, "resident", with_profile=True), 8, 60),
        ("no synchronization in a step", lambda: synchronizations_row(bench), 5, 40),
        ("step GaitBase, resident, compiled", step(base, "resident", with_profile=True, **compiled), 45, 120),
        ("step GaitBase, host-fed", step(base, "host", with_profile=True), 8, 40),
        ("step GaitBase, textbook bf16", step(base, "textbook"), 12, 60),
        ("learning, narrow GaitSet", lambda: learning_row(bench), 8, 40),
        *(
            (f"step {name}, {feed}", step(textbook[name] if feed == "textbook" else name, feed), 8, 40)
            for name in large
            for feed in ("resident", "textbook")
        ),
        *((f"step {name}, host-fed", step(name, "host"), 6, 40) for name in large),
        *(
            (f"feed, {kind}", lambda kind=kind: feed_row(bench, kind), 4, 30)
            for kind in ("host", "resident", "resident1")
        ),
        *(
            (f"embedding {one}", lambda one=one: embedding_row(bench, one), 4, 30)
            for one in ("GaitSet", base, "street")
        ),
        ("the library's own loop, GaitBase, resident", lambda: fit_row(bench), 15, 60),
        ("the library's own loop, GaitBase, compiled", lambda: fit_row(bench, compiled=True), 45, 90),
        ("fp16 with a scaler", lambda: fp16_row(bench), 5, 40),
        ("process group", lambda: processes_row(bench), 5, 40),
        ("GAN step, narrow", lambda: gan_row(bench, (24, 48, 64, 96)), 6, 40),
        ("GAN step, default", lambda: gan_row(bench, (64, 128, 128, 256)), 6, 40),
        ("walkers", lambda: walkers_row(bench), 20, 80),
        ("step GaitBase, cudnn.benchmark off", step(base, "resident", benchmark=False), 6, 30),
        ("step GaitBase, channels_last off", step(base, "resident", channels_last=False), 8, 30),
        ("step GaitBase, torch's batch norm", step(base, "resident", plain_norm=True), 6, 30),
        ("step GaitBase, resident1", step(base, "resident1"), 6, 30),
        ("step GaitSet, resident, compiled", step("GaitSet", "resident", **compiled), 35, 90),
        ("step GaitBase, CUDA graph", step(base, "resident", compile_mode="reduce-overhead"), 40, 120),
        ("step DeepGaitV2-P3D, resident, compiled", step("DeepGaitV2-P3D", "resident", **compiled), 45, 120),
        ("step GaitGL, resident, compiled", step("GaitGL", "resident", **compiled), 45, 120),
        ("step GaitBase, textbook fp32", step(base, "textbook", precision=None), 15, 60),
        (
            "step GaitBase, compiled max-autotune",
            step(base, "resident", compile_mode="max-autotune-no-cudagraphs"),
            100,
            200,
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=240, help="all rows together; what does not fit is skipped")
    parser.add_argument("--out", type=Path, help="file that every row is appended to at once")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="sizes at which a CPU comes to the end")
    parser.add_argument("--only", default="", help="only rows whose name holds one of these words, comma-separated")
    given = parser.parse_args()
    rows = Rows(given.out, given.seconds)
    device = torch.device(given.device)
    words = [word for word in given.only.split(",") if word]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(device, given.tiny, Path(folder))
        rows.add("data", seconds=rows.seconds - rows.left)
        for name, call, needs, limit in rows_of(bench):
            if not words or any(word in name for word in words):
                rows.measure(name, call, 0 if given.tiny else needs, 600 if given.tiny else limit)
    rows.table()


if __name__ == "__main__":
    main()
