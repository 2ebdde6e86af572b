// Tokenizers that come as SentencePiece files, and ByT5, which needs none.
#pragma once

#include <filesystem>
#include <memory>

#include "text/tokenizer.h"

namespace transept {

// Reads the tokenizer of a model folder without tokenizer.json: Marian (source.spm, target.spm,
// vocab.json), M2M100 (vocab.json, sentencepiece.bpe.model), T5, Pegasus, mBART, mBART-50 and NLLB
// (spiece.model or sentencepiece.bpe.model) as tokenizer_config.json or config.json name them, ByT5
// by its name, or else a single .model file as it is. `folder` may also be a .model file itself.
// Null if there is nothing of the kind; Error bad_data, unsupported.
[[nodiscard]] std::unique_ptr<Tokenizer> load_spm_family(const std::filesystem::path& folder,
                                                         const TokenizerOptions& options = {});

}  // namespace transept
