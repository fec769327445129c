"""How things reach other processes: through a pipe, as `multiprocessing` sends them to its workers."""

from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Pipe
from typing import Any


def through_a_pipe(thing: Any) -> Any:
    """What a worker gets of it.

    Raises:
        Exception: whatever keeps it from being sent.
    """
    here, there = Pipe()
    with here, there, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(here.send, thing)  # beside the receiver, since a pipe holds little
        if not there.poll(10):
            sending.result()
        return there.recv()
