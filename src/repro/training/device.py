"""Where a trial computes, with how many threads and digits, and what of it can break."""

import errno
from contextlib import contextmanager, nullcontext

import torch

from repro.training.types import MachineFailure

_LIBRARIES = ("CUDA", "cuDNN", "CUBLAS", "CUSPARSE", "HIP ", "nvrtc")  # how their errors begin
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EROFS)


def find_device(name: str) -> torch.device:
    """Return the torch device called `name`; "auto" is a GPU if there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            f"`device` must be available, but got '{name}' and torch {torch.__version__} finds no "
            "GPU: none is here, or its driver is too old for this build; ask for 'cpu', or for "
            "`gpus_per_trial: 0` in a profile"
        )
    return device


def is_machine_failure(error: Exception) -> bool:
    """Tell whether an error in a trial is the machine's: memory, disk or accelerator.

    After such an error the process is not to be trusted: an accelerator's errors are raised again
    by whatever is called next.
    """
    known = MachineFailure | MemoryError | torch.OutOfMemoryError | torch.AcceleratorError
    if isinstance(error, known):
        return True
    if isinstance(error, OSError):
        return error.errno in _DISK
    text = str(error)
    return isinstance(error, RuntimeError) and (
        text.startswith(_LIBRARIES) or "DefaultCPUAllocator" in text
    )


def name_gpu(device: torch.device) -> str:
    """Return the model of a GPU, with which the last digits may change; nothing of a CPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else ""


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
