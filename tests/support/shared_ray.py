"""One Ray for all tests of this process, as a fixture: two cores, and a GPU that need not exist."""

import os

import pytest

from repro.tuning.cluster import ENVIRONMENT, connect


@pytest.fixture(scope="module")
def shared_ray(request):
    """Connect; send workers what the test module defines by value, for they cannot import it."""
    os.environ.update(ENVIRONMENT)  # before Ray is imported
    from ray import cloudpickle, tune  # noqa: F401

    connect(cores=2, gpus=1)
    cloudpickle.register_pickle_by_value(request.module)
