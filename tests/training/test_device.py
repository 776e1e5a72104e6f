"""Where a trial computes, and which errors are the machine's; no test needs a GPU."""

import errno

import pytest
import torch

from repro.training.device import find_device, is_machine_failure


def test_a_gpu_that_is_not_there_is_an_error_and_never_the_cpu(monkeypatch):
    # as where torch was built for a newer driver than the machine's
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ValueError, match="got 'cuda' and torch .* finds no GPU: .* driver"):
        find_device("cuda")
    assert find_device("auto") == find_device("cpu") == torch.device("cpu")


MACHINES = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    torch.AcceleratorError("CUDA error: an illegal memory access was encountered"),
    RuntimeError("CUDA error: device-side assert triggered"),
    RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
    MemoryError(),
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.ESTALE, "Stale file handle"),
]
TRIALS = [
    RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
    ValueError("CUDA must not be here"),
    FileNotFoundError(errno.ENOENT, "No such file or directory"),
]


@pytest.mark.parametrize("error", MACHINES, ids=lambda error: str(error)[:30])
def test_errors_of_memory_disk_and_accelerator_are_the_machines(error):
    assert is_machine_failure(error)


@pytest.mark.parametrize("error", TRIALS, ids=lambda error: str(error)[:30])
def test_other_errors_are_the_trials_own(error):
    assert not is_machine_failure(error)
