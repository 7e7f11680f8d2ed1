"""Several processes that train one network, as `torchrun` starts them: who this one is, and what they agree on.

Each process has the same network and a share of each batch. A loss that is a ratio of sums, as soft Dice is, needs the
sums over all of the batch: `summed` adds them up and lets gradients through. Alone, everything here does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist


@contextmanager
def joined(rank: int, world: int, device: str) -> Iterator[None]:
    """Within the block the processes of a run can talk; they meet where MASTER_ADDR and MASTER_PORT say.

    rank, world  this process's number, from 0, of so many; device: torch's, which chooses gloo or NCCL
    """
    if world == 1:
        yield
        return
    if device != "cpu":
        torch.cuda.set_device(device)
    dist.init_process_group("gloo" if device == "cpu" else "nccl", rank=rank, world_size=world)
    try:
        yield
    finally:
        dist.destroy_process_group()


def rank() -> int:
    """Return the number of this process, 0 where it is alone; the first is the one that writes."""
    return dist.get_rank() if _together() else 0


def world() -> int:
    """Return how many processes train together, 1 where this one is alone."""
    return dist.get_world_size() if _together() else 1


def any_of(value: bool, device: str = "cpu") -> bool:
    """Return whether `value` is true in any process; they wait for each other here."""
    if not _together():
        return value
    said = torch.tensor([int(value)], device=device)
    dist.all_reduce(said, dist.ReduceOp.MAX)
    return bool(said.item())


def summed(value: Tensor) -> Tensor:
    """Return the sum of a tensor over the processes, with gradients that `average_gradients` makes whole."""
    return value if not _together() else _Sum.apply(value)


def mean_of(value: Tensor) -> Tensor:
    """Return the mean of a tensor over the processes, without gradients."""
    value = value.detach()
    if not _together():
        return value
    total = value.clone()
    dist.all_reduce(total)
    return total / world()


def average_gradients(network: nn.Module) -> None:
    """Replace every gradient by its mean over the processes; what none of them has a gradient of stays without."""
    if not _together():
        return
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    used = torch.tensor([float(parameter.grad is not None) for parameter in trained], device=trained[0].device)
    dist.all_reduce(used)
    shared = [parameter for parameter, count in zip(trained, used.tolist(), strict=True) if count]
    flat = torch.cat([_gradient(parameter).flatten() for parameter in shared])
    dist.all_reduce(flat)
    flat /= world()
    start = 0
    for parameter in shared:
        parameter.grad = flat[start : start + parameter.numel()].view_as(parameter).clone()
        start += parameter.numel()


def _gradient(parameter: nn.Parameter) -> Tensor:
    """Return the gradient; 0 of a part that no case of this process has used."""
    return parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)


def _together() -> bool:
    return dist.is_available() and dist.is_initialized()


class _Sum(torch.autograd.Function):
    """A sum over the processes. Each then has the whole loss, so a share's gradient is counted once in each of
    them; times their number, the mean over them is the gradient of one process with the whole batch."""

    @staticmethod
    def forward(_: Any, value: Tensor) -> Tensor:
        total = value.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        return gradient * world()
