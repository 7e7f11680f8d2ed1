"""Many independent items on a few processes, in order; an item that kills its process costs that item alone.

Processes and not threads where a library is not safe in threads, or where one item may crash or exhaust the memory.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import wait
from typing import TypeVar

from scartools.cli.parallel import in_threads

Item = TypeVar("Item")
Made = TypeVar("Made")


def in_processes(
    work: Callable[[Item], Made], items: Iterable[Item], count: int, crashed: Callable[[Item], Made]
) -> Iterator[Made]:
    """Yield work(item) for each item, in the order of the items, on `count` processes.

    work     a function at the top of a module; it and its items travel to another process
    crashed  what stands for an item whose process died while it was worked on; a new process takes the next one
    """
    own = threading.local()
    pools: list[ProcessPoolExecutor] = []

    def on_own_process(item: Item) -> Made:
        """Do one item in the process of this thread; a process that dies is replaced once."""
        for attempt in range(2):
            if getattr(own, "pool", None) is None:
                # spawned, not forked: no lock of a thread of ours is copied in the state it has at that moment
                own.pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _end_with_parent)
                pools.append(own.pool)
            try:
                return own.pool.submit(work, item).result()
            except BrokenProcessPool:
                own.pool = None
                if attempt:
                    break
        return crashed(item)

    try:
        yield from in_threads(on_own_process, items, count)
    finally:
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)
        for child in multiprocessing.active_children():
            child.terminate()


def _end_with_parent() -> None:
    """Leave the terminal's Ctrl-C to the parent, and end when the parent does, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()


def _watch(sentinel: int) -> None:
    with suppress(OSError):
        wait([sentinel])
    os._exit(1)
