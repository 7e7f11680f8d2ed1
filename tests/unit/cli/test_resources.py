"""Threads, devices, shards: who decides, and what is refused."""

from __future__ import annotations

import os

import pytest
import torch

from scartools.cli import resources
from scartools.cli.options import parse_shard
from scartools.errors import UsageError


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for variable in ("SCARTOOLS_THREADS", "SLURM_CPUS_PER_TASK"):
        monkeypatch.delenv(variable, raising=False)


def test_the_flag_wins_then_ours_then_slurm_then_the_affinity(monkeypatch):
    assert resources.threads_to_use(None) == len(os.sched_getaffinity(0))
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "3")
    assert resources.threads_to_use(None) == 3
    monkeypatch.setenv("SCARTOOLS_THREADS", "5")
    assert resources.threads_to_use(None) == 5
    assert resources.threads_to_use(7) == 7


def test_the_affinity_counts_and_not_the_machine(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
    assert resources.threads_to_use(None) == 1


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
def test_a_senseless_number_of_threads_is_named(monkeypatch, text):
    monkeypatch.setenv("SCARTOOLS_THREADS", text)
    with pytest.raises(UsageError, match="SCARTOOLS_THREADS"):
        resources.threads_to_use(None)


@pytest.mark.parametrize(
    ("asked", "present", "given"),
    [
        ("cpu", 0, "cpu"),
        ("auto", 0, "cpu"),
        ("auto", 2, "cuda:0"),
        ("cuda", 1, "cuda:0"),
        ("cuda:1", 2, "cuda:1"),
    ],
)
def test_the_device_that_is_there(monkeypatch, asked, present, given):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: present > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: present)
    assert resources.device_to_use(asked) == given


@pytest.mark.parametrize(("asked", "present"), [("cuda", 0), ("cuda:1", 1), ("mps", 1), ("cuda:x", 1), ("", 1)])
def test_an_absent_device_is_an_error_and_never_a_silent_cpu(monkeypatch, asked, present):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: present > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: present)
    with pytest.raises(UsageError, match="--device"):
        resources.device_to_use(asked)


def test_shards_partition_the_items():
    items = list(range(11))
    parts = [items[parse_shard(f"{i}/4")] for i in range(4)]
    assert sorted(sum(parts, [])) == items and items[parse_shard(None)] == items


@pytest.mark.parametrize("text", ["4/4", "-1/4", "1", "a/b", "1/0", "", "1/2/3"])
def test_a_shard_that_is_none_is_refused(text):
    with pytest.raises(UsageError, match="--shard"):
        parse_shard(text)
