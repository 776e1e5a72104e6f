"""How large a model is: its parameters, its arithmetic and the memory of a trial.

All from its configuration, so that a study can be planned, and refused, before anything is loaded.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from repro.data.hub import KNOWN
from repro.models.locate import find_model, read_config


@dataclass(frozen=True)
class ModelSize:
    """The numbers of an encoder on which its cost depends."""

    layers: int
    width: int
    inner: int  # of the feed-forward part
    embedding: int
    words: int
    positions: int = 512

    @property
    def multiplied(self) -> int:
        """The parameters that each token is multiplied with."""
        return self.layers * (4 * self.width**2 + 2 * self.width * self.inner)

    @property
    def parameters(self) -> int:
        return (self.words + self.positions) * self.embedding + self.multiplied

    @property
    def weight_bytes(self) -> int:
        """Of a checkpoint in fp32."""
        return 4 * self.parameters

    @property
    def state_bytes(self) -> int:
        """Of what a population hands on: weights and Adam's two averages."""
        return 3 * self.weight_bytes

    def training_flops(self, tokens: float) -> float:
        """Return the operations of one update: forward, and twice that backward."""
        return 6 * self.multiplied * tokens

    def trial_bytes(self, tokens: float, *, halved: bool) -> float:
        """Return the device memory of a trial.

        Weights, gradients, Adam's averages and the best weights so far, in fp32; of each layer
        some 17 numbers a token and unit of width are kept for the backward pass (Korthikanti et
        al. 2022, sec. 4.1, whose 34 bytes are of 16-bit numbers, without attention's own).

        Args:
            tokens: of the largest batch.
            halved: whether activations are 16-bit numbers.
        """
        activations = 17 * self.layers * self.width * tokens * (2 if halved else 4)
        return 5 * self.weight_bytes + activations


def model_size(name: str) -> ModelSize:
    """Return the size of the model `name`; of an unknown one of the hub it asks the hub.

    Raises:
        ConnectionError, ValueError: as `find_model`, or if the configuration does not say it.
    """
    if size := KNOWN.get(name.partition("@")[0], {}).get("size"):
        return ModelSize(**size)
    return _read_size(name, read_config(find_model(name)))


def _read_size(name: str, config: Mapping) -> ModelSize:
    def read(*keys: str, default: int | None = None) -> int:
        for key in keys:
            if key in config:
                return int(config[key])
        if default is None:
            raise ValueError(f"the configuration of '{name}' must say one of {keys}, but does not")
        return default

    width = read("hidden_size", "dim", "d_model")
    return ModelSize(
        layers=read("num_hidden_layers", "n_layers"),
        width=width,
        inner=read("intermediate_size", "hidden_dim", default=4 * width),
        embedding=read("embedding_size", default=width),
        words=read("vocab_size"),
        positions=read("max_position_embeddings", default=512),
    )
