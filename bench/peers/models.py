"""Benchmark models: Hugging Face folders with random weights of a fixed seed, and CTranslate2 copies of them."""

from __future__ import annotations

import json
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

SEED = 20240601


@dataclass(frozen=True)
class Shape:
    family: str
    d_model: int
    d_ff: int
    encoder_layers: int
    decoder_layers: int
    heads: int
    vocab: int


SHAPES = {
    "marian-base": Shape("marian", 512, 2048, 6, 6, 8, 65001),
    "marian-tiny": Shape("marian", 256, 1536, 6, 2, 8, 32000),
    "t5-small": Shape("t5", 512, 2048, 6, 6, 8, 32128),  # T5 1.0: d_kv 64, relu, tied
    "bart-base": Shape("bart", 768, 3072, 6, 6, 12, 50265),
}


def pieces(shape: Shape) -> list[str]:
    """One word per id, so that CTranslate2, which takes words, is given the same ids."""
    if shape.family == "t5":
        return ["<pad>", "</s>", "<unk>", *(f"▁w{i}" for i in range(shape.vocab - 3))]
    if shape.family == "bart":
        return ["<s>", "<pad>", "</s>", "<unk>", *(f"▁w{i}" for i in range(shape.vocab - 5)), "<mask>"]
    return ["</s>", "<unk>", *(f"▁w{i}" for i in range(shape.vocab - 3)), "<pad>"]


def _sentencepiece_files(folder: Path) -> None:
    """MarianTokenizer, which CTranslate2's converter loads, insists on them; no benchmark goes through them."""
    import sentencepiece

    rng = random.Random(SEED)
    text = folder / "corpus.txt"
    words = ["".join(rng.choice("abcdefghijklmnop") for _ in range(rng.randint(2, 7))) for _ in range(24000)]
    text.write_text("\n".join(" ".join(words[i : i + 12]) for i in range(0, len(words), 12)))
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(folder / "spm"), vocab_size=500, minloglevel=2, character_coverage=1.0
    )
    model = (folder / "spm.model").read_bytes()
    for name in ("source.spm", "target.spm"):
        (folder / name).write_bytes(model)
    for name in ("corpus.txt", "spm.model", "spm.vocab"):
        (folder / name).unlink()


def _new_model(shape: Shape):
    from transformers import BartConfig, BartForConditionalGeneration, MarianConfig, MarianMTModel
    from transformers import T5Config, T5ForConditionalGeneration

    if shape.family == "t5":
        return T5ForConditionalGeneration(
            T5Config(
                vocab_size=shape.vocab, d_model=shape.d_model, d_kv=64, d_ff=shape.d_ff, num_layers=shape.encoder_layers,
                num_decoder_layers=shape.decoder_layers, num_heads=shape.heads, pad_token_id=0, eos_token_id=1,
                decoder_start_token_id=0,
            )
        )  # fmt: skip
    layers = {
        "vocab_size": shape.vocab, "d_model": shape.d_model,
        "encoder_layers": shape.encoder_layers, "encoder_attention_heads": shape.heads, "encoder_ffn_dim": shape.d_ff,
        "decoder_layers": shape.decoder_layers, "decoder_attention_heads": shape.heads, "decoder_ffn_dim": shape.d_ff,
    }  # fmt: skip
    if shape.family == "bart":
        return BartForConditionalGeneration(BartConfig(**layers, forced_bos_token_id=None, forced_eos_token_id=None))
    pad = shape.vocab - 1
    return MarianMTModel(
        MarianConfig(
            **layers, max_position_embeddings=512, activation_function="swish", scale_embedding=True, pad_token_id=pad,
            eos_token_id=0, decoder_start_token_id=pad, forced_eos_token_id=None, bos_token_id=None,
        )
    )  # fmt: skip


def make(name: str, root: Path) -> Path:
    """The folder of such a model; made once."""
    folder = root / name
    if (folder / "model.safetensors").exists():
        return folder
    import torch

    shape = SHAPES[name]
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    model = _new_model(shape)
    noise = torch.Generator().manual_seed(SEED + 1)
    with torch.no_grad():  # no zero biases that a peer could skip
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn(parameter.shape, generator=noise) * 0.02)
    model.save_pretrained(folder)
    if shape.family == "marian":
        _marian_tokenizer(folder, shape)
    return folder


def _marian_tokenizer(folder: Path, shape: Shape) -> None:
    vocabulary = {piece: i for i, piece in enumerate(pieces(shape))}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "MarianTokenizer", "source_lang": "xx", "target_lang": "yy"})
    )
    _sentencepiece_files(folder)


def to_ctranslate2(folder: Path, quantization: str) -> Path:
    """A CTranslate2 model beside the folder; made once."""
    out = folder.with_name(f"{folder.name}-ct2-{quantization}")
    if not (out / "model.bin").exists():
        from ctranslate2.converters import TransformersConverter
        from transformers import BartConfig

        # CTranslate2 4.8.5 reads attributes that transformers 5 no longer sets.
        BartConfig.normalize_before, BartConfig.normalize_embedding = False, True
        shape = SHAPES[folder.name]
        with tempfile.TemporaryDirectory() as copy:  # with a tokenizer that only the converter needs
            for file in folder.iterdir():
                (Path(copy) / file.name).symlink_to(file.resolve())
            if shape.family != "marian":
                _word_tokenizer(Path(copy), shape)
            TransformersConverter(copy).convert(str(out), quantization=quantization, force=True)
    return out


def _word_tokenizer(folder: Path, shape: Shape) -> None:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = {piece: i for i, piece in enumerate(pieces(shape))}
    marks = {"unk_token": "<unk>", "pad_token": "<pad>", "eos_token": "</s>"}
    if shape.family == "bart":
        marks |= {"bos_token": "<s>", "mask_token": "<mask>"}
    PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel(words, "<unk>")), **marks).save_pretrained(folder)


def token_ids(shape: Shape, length: int, batch: int) -> list[list[int]]:
    """Random ids away from the special tokens; the end mark comes last."""
    rng = random.Random(SEED + length)
    end = pieces(shape).index("</s>")
    return [[rng.randrange(10, shape.vocab - 100) for _ in range(length - 1)] + [end] for _ in range(batch)]
