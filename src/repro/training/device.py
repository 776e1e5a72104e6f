"""Where a trial computes, with how many threads and digits."""

from contextlib import contextmanager, nullcontext

import torch


def find_device(name: str) -> torch.device:
    """Return the torch device called `name`; "auto" is a GPU if there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"`device` must be available, but got '{name}' without a GPU; use 'cpu'")
    return device


def usable_precision(precision: str, device: str = "auto") -> str:
    """Return the precision that a study which asks for `precision` uses on this device.

    fp16 needs a GPU: its arithmetic is slow on a CPU and its loss scaling is made for GPUs. There
    bf16 stands in, the other 16-bit format, with fewer digits and fp32's range.
    """
    return "bf16" if precision == "fp16" and find_device(device).type == "cpu" else precision


def autocast(device: torch.device, precision: str):
    """Compute in 16 bits for a while, where `precision` says so."""
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision)
    return torch.autocast(device.type, dtype=dtype) if dtype else nullcontext()


@contextmanager
def one_thread():
    """Let torch compute with one thread for a while; more would change the last digits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
