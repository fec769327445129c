"""Search in a large gallery: sign codes propose, exact vectors decide; beside exact search and faiss in the same run.

    python benchmarks/search.py --walks 100000 --people 100

renders people, embeds them with the bundled network `street` (or takes `--embeddings`, an .npz with `street`, float
(walk, part, feature), and `labels`, whose first column is the person), and expands them: a new person is the mean plus
four differences of rendered people from it, with normal weights of variance 1/4, and their walk adds four differences
of rendered walks from their person in the same way, so that covariances between and within people stay as they are.
Half of the probes have other walks of theirs in the gallery, half are strangers. Needs faiss-cpu (extra `benchmark`)
and 9 kB of disk a walk; the gallery is kept in `--folder` and found there again.
"""

import argparse
import gc
import os
import secrets
import time
from pathlib import Path

import numpy as np
import torch
from measure import report

from walkprint import load_network
from walkprint.core.digest import weights_source
from walkprint.core.embedding import unit_parts
from walkprint.data.walkers import Walkers
from walkprint.gallery import Binding, Gallery
from walkprint.gallery.records import pack
from walkprint.recognizer.cohort import find_or_make, rendered
from walkprint.recognizer.many import _PROPOSED, ManyVerdict

PER_PERSON, AT_ONCE, BATCH = 4, 2000, 16


class Population:
    """People and walks like the rendered ones, as many as are wanted; as networks give them but for the norms."""

    def __init__(self, vectors: np.ndarray, subjects: np.ndarray) -> None:
        unit, names = unit_parts(vectors.astype(np.float32)), np.unique(subjects)
        people = np.stack([unit[subjects == name].mean(axis=0) for name in names])
        self.mean = people.mean(axis=0)
        self._between, self._within = people - self.mean, unit - people[np.searchsorted(names, subjects)]

    def people(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """(person, part, feature)."""
        return self.mean + self._mixed(rng, self._between, count)

    def walks(self, rng: np.random.Generator, people: np.ndarray) -> np.ndarray:
        """One of each."""
        return unit_parts(people + self._mixed(rng, self._within, len(people)))

    def _mixed(self, rng: np.random.Generator, among: np.ndarray, count: int) -> np.ndarray:
        total = np.zeros((count, *among.shape[1:]), np.float32)
        for _ in range(4):
            weight = rng.standard_normal((count, 1, 1), dtype=np.float32) / 2
            total += weight * among[rng.integers(0, len(among), count)]
        return total


def rendered_walks(network, people: int) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings of rendered people, who are others than the bundled strangers: two walks, one in other clothes."""
    walkers = Walkers(**{**rendered(people).settings, "seed": 5151, "variety": rendered().variety})
    clips = [(key.subject, walkers.examine(key).clip) for key in walkers.catalogue()]
    found = [(who, network.embed(clip.frames)) for who, clip in clips if clip is not None and len(clip) >= 12]
    return np.stack([vectors for _, vectors in found]), np.array([who for who, _ in found])


def fill(path: Path, binding: Binding, population: Population, walks: int, known: np.ndarray) -> None:
    """A gallery with so many walks, written without its journal."""
    rng, gallery = np.random.default_rng(1), Gallery.open(path, binding)
    gallery._database.value("PRAGMA synchronous=OFF")
    for start in range(0, walks, AT_ONCE):
        people = population.people(rng, AT_ONCE // PER_PERSON)
        if not start:
            people[: len(known)] = known
        made = population.walks(rng, np.repeat(people, PER_PERSON, axis=0))
        ids = np.repeat([secrets.token_hex(8) for _ in people], PER_PERSON).tolist()
        with gallery._database.writing() as connection:
            connection.execute("UPDATE meta SET value = value + 1 WHERE name = 'state'")
            connection.executemany(
                "INSERT INTO people VALUES (?, ?, x'', '', NULL)", {(one, one.encode()) for one in ids}
            )
            connection.executemany(
                "INSERT INTO walks VALUES (?, ?, '', 30, 1.0, 'left', '', ?, NULL)",
                [(secrets.token_hex(8), one, pack(vectors)) for one, vectors in zip(ids, made, strict=True)],
            )  # fmt: skip
    gallery.close()


def resident_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:")) / 1024


def timed(call, rounds: int) -> float:
    """Least milliseconds of CPU time on one thread."""
    seconds = []
    for _ in range(rounds):
        begun = time.process_time()
        call()
        seconds.append(time.process_time() - begun)
    return 1000 * min(seconds)


def all_walks(gallery: Gallery, verdict: ManyVerdict):
    """Every walk as it is compared, block by block: positions and float32 (walk, number)."""
    for start in range(0, len(verdict._coded), AT_ONCE):
        rows = np.arange(start, min(start + AT_ONCE, len(verdict._coded)))
        unit, views, _, people = verdict._coded.vectors(rows)
        yield rows, people, verdict._prepared(unit_parts(unit), np.array(views), verdict._origins)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--walks", type=int, default=100_000)
    parser.add_argument("--probes", type=int, default=512)
    parser.add_argument("--people", type=int, default=100, help="rendered, where there are no --embeddings")
    parser.add_argument("--embeddings", type=Path)
    parser.add_argument("--folder", type=Path, default=Path("runs/search"))
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    network = load_network("street")
    if given.embeddings is None:
        vectors, subjects = rendered_walks(network, given.people)
    else:
        with np.load(given.embeddings) as file:
            vectors, subjects = file["street"], file["labels"][:, 0]
    population, rng = Population(vectors, subjects), np.random.default_rng(0)
    known = population.people(rng, min(given.probes // 2, AT_ONCE // PER_PERSON))
    strangers = population.people(rng, given.probes - len(known))
    probes = population.walks(rng, np.concatenate([known, strangers]))
    scoring = f"cosine, {network.whitening}"
    binding = Binding("street", weights_source(network), *probes.shape[1:], scoring)
    path = given.folder / f"{given.walks}.gallery"
    given.folder.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        fill(path, binding, population, given.walks, known)
    cohort = find_or_make(network.embed, f"{weights_source(network)}, {scoring}")
    row = {
        "walks": given.walks,
        "shape": f"{probes.shape[1]}x{probes.shape[2]}",
        **search(path, cohort, network, probes, given),
    }
    report("search: a large gallery", [row])


def search(path: Path, cohort, network, probes: np.ndarray, given) -> dict[str, object]:
    begun = time.perf_counter()
    ManyVerdict(Gallery.open(path), cohort, network.whitening)
    coded_s = time.perf_counter() - begun  # long at the first time only
    gc.collect()
    before, begun, used = resident_mb(), time.perf_counter(), time.process_time()
    gallery = Gallery.open(path)
    verdict = ManyVerdict(gallery, cohort, network.whitening)
    opened_s, opened_cpu_s = time.perf_counter() - begun, time.process_time() - used
    gc.collect()
    resident = (resident_mb() - before) * 2**20 / given.walks
    views = ["left"] * len(probes)
    answers = []
    for start in range(0, len(probes), BATCH):
        names, scores = verdict.compare(probes[start : start + BATCH], views[:BATCH])
        answers += [(int(names[i], 16), scores[n, i]) for n, i in enumerate(scores.argmax(axis=1))]
    batch = probes[:BATCH]
    query_ms = timed(lambda: verdict.compare(batch, views[:BATCH]), given.rounds) / BATCH
    coded = verdict._prepared(unit_parts(batch), np.array(views[:BATCH]), verdict._origins).reshape(batch.shape)
    propose_ms = timed(lambda: verdict._coded.propose(coded, _PROPOSED), given.rounds) / BATCH
    single_ms = timed(lambda: verdict.compare(batch[:1], views[:1]), given.rounds)
    exact, exact_s, faiss_row = exactly(gallery, verdict, probes, views, given)
    same = [answer[0] == best[0] for answer, best in zip(answers, exact, strict=True)]
    half = len(probes) // 2
    difference = max(abs(answer[1] - best[1]) for answer, best, one in zip(answers, exact, same, strict=True) if one)
    return {
        "first_coding_s": coded_s, "open_s": opened_s, "open_cpu_s": opened_cpu_s, "bytes_a_walk": resident,
        "ms_a_query": query_ms, "of_it_propose_ms": propose_ms, "single_query_ms": single_ms,
        "same_first_%": 100 * np.mean(same), "known_%": 100 * np.mean(same[:half]),
        "strangers_%": 100 * np.mean(same[half:]),
        "score_difference": difference, "exact_ms_a_query_read_from_disk": 1000 * exact_s / len(probes), **faiss_row,
    }  # fmt: skip


def exactly(gallery, verdict, probes, views, given) -> tuple[list[tuple[int, float]], float, dict[str, object]]:
    """The first of an exact search over everything, and faiss on the same vectors."""
    prepared = verdict._prepared(unit_parts(probes), np.array(views), verdict._origins)
    best, first = np.full(len(probes), -np.inf), np.zeros(len(probes), np.uint64)
    index, owners, seconds = Faiss(prepared.shape[1]), [], 0.0
    for _, people, vectors in all_walks(gallery, verdict):
        begun = time.process_time()
        scores = prepared @ vectors.T
        place = scores.argmax(axis=1)
        value = scores[np.arange(len(probes)), place]
        better = value > best
        best[better], first[better] = value[better], people[place[better]]
        seconds += time.process_time() - begun
        index.add(vectors)
        owners.append(people)
    exact = list(zip(first.tolist(), best.tolist(), strict=True))
    return exact, seconds, index.rows(prepared, np.concatenate(owners), first, given.rounds)


class Faiss:
    """faiss-cpu on one thread over all walks: the same sign bits, and product quantization to half a bit a number."""

    def __init__(self, width: int) -> None:
        import faiss

        faiss.omp_set_num_threads(1)
        self._faiss, self._signs = faiss, faiss.IndexBinaryFlat(width // 8 * 8)
        self._pq = faiss.IndexPQFastScan(width, width // 8, 4)

    def add(self, vectors: np.ndarray) -> None:
        """Index some walks."""
        if not self._pq.is_trained:
            self._pq.train(vectors)
        self._signs.add(np.packbits(vectors >= 0, axis=1))
        self._pq.add(vectors)

    def rows(self, probes: np.ndarray, owners: np.ndarray, first: np.ndarray, rounds: int) -> dict[str, object]:
        """Milliseconds, and how often the exact first is among 200."""
        codes, found = np.packbits(probes >= 0, axis=1), {}
        for name, index, asked in (("faiss_signs", self._signs, codes), ("faiss_pq4", self._pq, probes)):
            found[f"{name}_ms_a_query"] = timed(lambda: index.search(asked[:BATCH], 200), min(rounds, 3)) / BATCH  # noqa: B023
            _, near = index.search(asked, 200)
            among = [(owners[rows[rows >= 0]] == one).any() for rows, one in zip(near, first, strict=True)]
            found[f"{name}_first_in_200_%"] = 100 * float(np.mean(among))
        return found


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
