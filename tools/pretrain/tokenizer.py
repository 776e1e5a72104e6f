"""The miniature's word-level tokenizer, one per model family."""

import tokenizers
import transformers

from pretrain.corpus import END, SPECIALS, START
from pretrain.recipe import MAX_TOKENS


def make_tokenizer(family, words):
    """Build a word-level fast tokenizer that lays pairs out as the family does."""
    pad, unknown, start, end, mask = SPECIALS[family]
    vocabulary = {word: i for i, word in enumerate([*SPECIALS[family], *words])}
    core = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token=unknown))
    core.normalizer = tokenizers.normalizers.Lowercase()
    core.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    one_type = family == "roberta"
    second = f"{end} $B {end}" if one_type else f"$B:1 {end}:1"
    core.post_processor = tokenizers.processors.TemplateProcessing(
        single=f"{start} $A {end}",
        pair=f"{start} $A {end} {second}",
        special_tokens=[(start, START), (end, END)],
    )
    types = [] if one_type else ["token_type_ids"]
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token=pad, unk_token=unknown, mask_token=mask,
        cls_token=start, sep_token=end, model_max_length=MAX_TOKENS,
        model_input_names=["input_ids", *types, "attention_mask"],
    )  # fmt: skip
