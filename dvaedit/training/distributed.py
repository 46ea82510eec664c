"""The processes that ``torchrun`` starts for one run, and what they tell each other."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from dvaedit.errors import UsageError


@dataclass(frozen=True)
class World:
    """This process among ``size``; ``rank`` 0 writes the logs and checkpoints."""

    rank: int = 0
    size: int = 1

    @property
    def main(self) -> bool:
        return self.rank == 0

    def parallel(self, module: nn.Module) -> nn.Module:
        """The module with gradients averaged over all processes; as it is where there is only one."""
        if self.size == 1:
            return module
        return DistributedDataParallel(module, broadcast_buffers=False)

    def mean(self, values: Mapping[str, torch.Tensor]) -> dict[str, float]:
        """Each value averaged over the processes."""
        stacked = torch.stack([value.detach().float() for value in values.values()])
        if self.size > 1:
            distributed.all_reduce(stacked)
            stacked = stacked / self.size
        return dict(zip(values, stacked.tolist(), strict=True))

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether the flag is set in any process: all must take the same number of steps, or they wait for ever."""
        if self.size == 1:
            return flag
        flags = torch.tensor([float(flag)], device=device)
        distributed.all_reduce(flags)
        return bool(flags.item())

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            distributed.barrier()


ALONE = World()


def local_device(device: str) -> str:
    """The device of this process: with several of them, "auto" and "cuda" are the GPU of its own number."""
    if "LOCAL_RANK" in os.environ and device in ("auto", "cuda") and torch.cuda.is_available():
        return f"cuda:{os.environ['LOCAL_RANK']}"
    return device


@contextmanager
def joined(device: torch.device) -> Iterator[World]:
    """This process's world, as the variables of ``torchrun`` describe it; one process without them.

    Raises UsageError for variables that are no such description.
    """
    try:
        rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    except ValueError as error:
        raise UsageError("RANK and WORLD_SIZE must be numbers", "Start several processes with torchrun.") from error
    if size == 1:
        yield ALONE
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", rank=rank, world_size=size)
    try:
        yield World(rank, size)
    finally:
        distributed.destroy_process_group()
