"""Sizes of the tiny models and how they are pretrained."""

from dataclasses import dataclass

MAX_TOKENS = 64
SIZE = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 192,
    "max_position_embeddings": MAX_TOKENS + 2,  # RoBERTa's positions start at 2
    "initializer_range": 0.05,
}
GENERATOR_SIZE = {"hidden_size": 48, "intermediate_size": 96}
STEPS = 24_000
NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
FAMILIES = ("electra", "roberta", "bert")
MODELS = tuple(f"tiny-{family}" for family in FAMILIES)


@dataclass(frozen=True)
class Recipe:
    """What a pretraining run is made of; all of it goes into the manifest.

    Args:
        n_pairs: connected sentence pairs in the corpus.
        masked_rows, intact_rows: pairs per step for the family's objective and for the link.
        word_spread, position_spread: standard deviations of the initial embeddings.
        query_key_spread: standard deviation of the initial query weights, which the keys share, so
            that tokens first attend to tokens like them (after Trockman & Kolter 2023, "Mimetic
            initialization of self-attention layers").
        replaced_weight: weight of the replaced-token loss beside the two others' 1.
        dropout: rate from the share `dropout_from` of the steps on: models that have never met
            dropout lose what they can when they meet it in fine-tuning (MRPC .66 for .90).
    """

    family: str
    steps: int
    seed: int = 0
    n_pairs: int = 60_000
    masked_rows: int = 24
    intact_rows: int = 40
    learning_rate: float = 1.5e-3
    warmup_steps: int = 200
    weight_decay: float = 0.01
    word_spread: float = 0.1
    position_spread: float = 0.05
    query_key_spread: float = 0.125
    replaced_weight: float = 10.0
    dropout: float = 0.1
    dropout_from: float = 0.5

    @property
    def replaced_share(self):
        """Share of the tokens to predict that are replaced, not masked; ELECTRA masks them all."""
        return 0.0 if self.family == "electra" else 0.4

    def __post_init__(self):
        if self.family not in FAMILIES:
            raise ValueError(
                f"`family` must be one of {', '.join(FAMILIES)}, but got {self.family!r}; use one."
            )
        if self.steps < 1:
            raise ValueError(f"`steps` must be at least 1, but got {self.steps}; use more.")
