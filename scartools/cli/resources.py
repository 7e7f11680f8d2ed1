"""How many threads, and which device: what was asked for, what the job was given, what is there."""

from __future__ import annotations

import logging
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scartools.errors import UsageError

log = logging.getLogger(__name__)
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def threads_to_use(asked: int | None) -> int:
    """Return the number of threads: --threads, SCARTOOLS_THREADS, SLURM_CPUS_PER_TASK, or the CPU affinity."""
    if asked is not None:
        return asked
    for variable in ("SCARTOOLS_THREADS", "SLURM_CPUS_PER_TASK"):
        text = os.environ.get(variable, "")
        if not text:
            continue
        if not text.isdecimal() or int(text) < 1:
            raise UsageError(
                f"{variable}={text!r} is not a number of threads", remedy=f"Set {variable} to 1 or more"
            )
        return int(text)
    # not os.cpu_count(): on a shared node that counts the CPUs of other jobs too
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def limit_threads(count: int) -> None:
    """Bound the threads of BLAS and OpenMP; must be called before numpy or torch is imported."""
    for variable in _THREAD_VARIABLES:
        os.environ[variable] = str(count)
    # threads that wait must not spin: on a shared node that burns the CPUs that the others wait for
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def leave_no_compiler_cache() -> None:
    """Keep torch from making a folder for a compiler that is not used; its optimisers make it when imported."""
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", tempfile.gettempdir())


def place_among_processes() -> tuple[int, int]:
    """Return the number of this process, from 0, and how many train one network: RANK and WORLD_SIZE of torchrun."""
    texts = os.environ.get("RANK", "0"), os.environ.get("WORLD_SIZE", "1")
    if not all(text.isdecimal() for text in texts) or not int(texts[0]) < int(texts[1]):
        raise UsageError(
            f"RANK={texts[0]!r} and WORLD_SIZE={texts[1]!r} name no process of a run",
            remedy="Start it with torchrun, or unset both",
        )
    return int(texts[0]), int(texts[1])


def device_to_use(asked: str) -> str:
    """Return the torch device for --device: `cpu` or `cuda:N`.

    `auto` takes the first CUDA device if there is one, or that of LOCAL_RANK among the processes of torchrun; a
    device named outright must be there.
    """
    if asked == "cpu":
        return "cpu"
    match = re.fullmatch(r"auto|cuda(?::(\d+))?", asked)
    if match is None:
        raise UsageError(f"--device {asked!r} is not auto, cpu, cuda or cuda:N")
    import torch

    present = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if asked == "auto":
        local = os.environ.get("LOCAL_RANK", "") if os.environ.get("WORLD_SIZE", "1") != "1" else ""
        return f"cuda:{int(local) % present if local.isdecimal() else 0}" if present else "cpu"
    index = int(match.group(1) or 0)
    if index >= present:
        raise UsageError(
            f"--device {asked}: this machine has {present} CUDA devices",
            remedy="Use --device auto or --device cpu",
        )
    return f"cuda:{index}"


@contextmanager
def scratch_for_matplotlib() -> Iterator[None]:
    """Give matplotlib a scratch folder under TMPDIR for its font list, which it would else write into the home folder.

    No back end is needed: figures are drawn straight to bytes, whatever MPLBACKEND says.
    """
    before = {name: os.environ.get(name) for name in ("MPLCONFIGDIR", "MPLBACKEND")}
    os.environ["MPLBACKEND"] = "agg"
    with tempfile.TemporaryDirectory(prefix="scartools-") as folder:
        os.environ.setdefault("MPLCONFIGDIR", folder)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


def precision_to_use(asked: str, device: str) -> Any:
    """Return the torch dtype of the arithmetic for --precision on a device.

    `auto` is bfloat16 where the processor computes with it (AVX512-BF16, AMX; CUDA from Ampere on), else float32.
    """
    import torch

    if asked != "auto":
        if asked == "bfloat16" and device == "cpu" and not _cpu_has_bfloat16():
            log.warning(
                "this processor computes no bfloat16: it is imitated, some ten times slower than float32"
            )
        return getattr(torch, asked)
    if device == "cpu":
        return torch.bfloat16 if _cpu_has_bfloat16() else torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32


def _cpu_has_bfloat16() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux: nothing is known, and float32 is right everywhere
        return False
    return re.search(r"\b(avx512_bf16|amx_bf16)\b", flags) is not None
