// T5, Pegasus, mBART, mBART-50 and NLLB from their .model files. transformers 5.24 turns such a
// file into a pipeline of Hugging Face's tokenizers, which differs from sentencepiece in places; so
// does this: it writes the tokenizer.json that the reference would save and reads that.
#pragma once

#include <filesystem>
#include <memory>

#include "text/family_config.h"
#include "text/tokenizer.h"

namespace transept {

// Whether `tokenizer_class` is one of these.
[[nodiscard]] bool is_spm_pipeline(std::string_view tokenizer_class);

[[nodiscard]] std::unique_ptr<Tokenizer> load_spm_pipeline(const std::filesystem::path& model,
                                                           const FamilyConfig& config,
                                                           const TokenizerOptions& options);

}  // namespace transept
