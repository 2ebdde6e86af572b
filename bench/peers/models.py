"""Benchmark models: Hugging Face folders with random weights of a fixed seed, and CTranslate2 copies of them."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

SEED = 20240601


@dataclass(frozen=True)
class Shape:
    d_model: int
    d_ff: int
    encoder_layers: int
    decoder_layers: int
    heads: int
    vocab: int


SHAPES = {
    "marian-base": Shape(512, 2048, 6, 6, 8, 65001),
    "marian-tiny": Shape(256, 1536, 6, 2, 8, 32000),
}


def pieces(shape: Shape) -> list[str]:
    """One word per id, so that CTranslate2, which takes words, is given the same ids."""
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


def make(name: str, root: Path) -> Path:
    """The folder of a Marian model; made once."""
    folder = root / name
    if (folder / "model.safetensors").exists():
        return folder
    import torch
    from transformers import MarianConfig, MarianMTModel

    shape = SHAPES[name]
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    pad = shape.vocab - 1
    model = MarianMTModel(
        MarianConfig(
            vocab_size=shape.vocab, d_model=shape.d_model, max_position_embeddings=512, activation_function="swish",
            encoder_layers=shape.encoder_layers, encoder_attention_heads=shape.heads, encoder_ffn_dim=shape.d_ff,
            decoder_layers=shape.decoder_layers, decoder_attention_heads=shape.heads, decoder_ffn_dim=shape.d_ff,
            scale_embedding=True, pad_token_id=pad, eos_token_id=0, decoder_start_token_id=pad,
            forced_eos_token_id=None, bos_token_id=None,
        )
    )  # fmt: skip
    noise = torch.Generator().manual_seed(SEED + 1)
    with torch.no_grad():  # no zero biases that a peer could skip
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn(parameter.shape, generator=noise) * 0.02)
    model.save_pretrained(folder)
    vocabulary = {piece: i for i, piece in enumerate(pieces(shape))}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "MarianTokenizer", "source_lang": "xx", "target_lang": "yy"})
    )
    _sentencepiece_files(folder)
    return folder


def to_ctranslate2(folder: Path, quantization: str) -> Path:
    """A CTranslate2 model beside the folder; made once."""
    out = folder.with_name(f"{folder.name}-ct2-{quantization}")
    if not (out / "model.bin").exists():
        from ctranslate2.converters import TransformersConverter
        from transformers import BartConfig

        # CTranslate2 4.8.5 reads attributes that transformers 5 no longer sets.
        BartConfig.normalize_before, BartConfig.normalize_embedding = False, True
        TransformersConverter(str(folder)).convert(str(out), quantization=quantization, force=True)
    return out


def token_ids(shape: Shape, length: int, batch: int) -> list[list[int]]:
    """Random ids away from the special tokens; the end mark comes last."""
    rng = random.Random(SEED + length)
    return [[rng.randrange(10, shape.vocab - 100) for _ in range(length - 1)] + [0] for _ in range(batch)]
