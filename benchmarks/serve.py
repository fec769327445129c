"""A server under load: 200 videos to identify, 20 at a time, beside one that is enrolled again and again.

Prints the time from sending a video to its answer (median and 99th percentile), refusals, and memory of the server. The
network only pools, and the videos are rendered and small: what is measured is the server, and the process of each job.
"""

import argparse
import asyncio
import re
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import httpx2
import numpy as np
import uvicorn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.recognizer.people import Pooling, strangers
from tests.web.server import API, HEADERS, TOKEN, video

from walkprint.recognizer import Recognizer
from walkprint.video.background import Background
from walkprint.web.app import create_app
from walkprint.web.limits import Limits
from walkprint.web.service import Service


async def job(client: httpx2.AsyncClient, path: str, content: bytes, counts: Counter[str], **fields: str) -> float:
    """Send a video until it is taken, and follow its events to the end; returns the seconds."""
    begun = time.perf_counter()
    while True:
        answer = await client.post(f"{API}/{path}", files={"video": ("v.mp4", content)}, data=fields)
        if answer.status_code != 429:
            break
        counts["429"] += 1
        await asyncio.sleep(0.5)
    counts[str(answer.status_code)] += 1
    last = ""
    async with client.stream("GET", f"{API}/jobs/{answer.json()['id']}/events") as events:
        async for line in events.aiter_lines():
            last = line or last
    counts["done" if '"state": "done"' in last else "not done"] += 1
    return time.perf_counter() - begun


async def load(address: str, requests: int, parallel: int) -> tuple[list[float], Counter[str], list[float]]:
    """All requests; returns seconds of each, counts of answers, memory of the server in MB at each tenth."""
    seconds, counts, memory = [], Counter[str](), []
    gate = asyncio.Semaphore(parallel)
    async with httpx2.AsyncClient(base_url=address, headers=HEADERS, timeout=600) as client:

        async def one(number: int) -> None:
            async with gate:
                seconds.append(await job(client, "identify", video("001", 1), counts))
            if number % max(requests // 10, 1) == 0:
                await job(client, "people", video("002"), counts, name=f"person {number}")
                text = (await client.get(f"{API}/metrics")).text
                memory.append(float(re.search(r"resident_bytes ([\d.e+]+)\n", text)[1]) / 1e6)

        await asyncio.gather(*(one(number) for number in range(requests)))
    return seconds, counts, memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--parallel", type=int, default=20)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        recognizer = Recognizer(
            Path(folder) / "people.gallery", Pooling(), segmenter=Background(), cohort=strangers(),
        )  # fmt: skip
        app = create_app(Service(recognizer, Limits(requests_hz=1000)), token=TOKEN)
        listening = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.02)
        begun = time.perf_counter()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        seconds, counts, memory = asyncio.run(load(address, asked.requests, asked.parallel))
        passed = time.perf_counter() - begun
        lines = recognizer.gallery.journal()
        server.should_exit = True
        thread.join(30)
    p50, p99 = np.percentile(seconds, [50, 99])
    identified = sum(line.action == "identify" for line in lines)
    print(
        f"{asked.requests} videos, {asked.parallel} at a time: {passed:.1f} s, {asked.requests / passed:.2f} videos/s"
    )
    print(f"answer after {p50:.2f} s (median), {p99:.2f} s (99th percentile); {identified} lines in the journal")
    print(f"answers: {dict(counts)}")
    print(f"memory of server and client, MB: {', '.join(f'{one:.0f}' for one in memory)}")


if __name__ == "__main__":
    main()
