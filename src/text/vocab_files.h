// Tokenizers from the older files: vocab.txt (BERT), vocab.json + merges.txt (GPT-2, RoBERTa,
// BART). They behave as those that transformers 5.24 makes from such a folder.
#pragma once

#include <filesystem>
#include <string_view>

#include "text/folder_config.h"
#include "text/pipeline.h"

namespace transept {

// `name` appears in errors.
[[nodiscard]] PipelineParts read_vocab_txt(std::string_view text, const std::string& name,
                                           const FolderConfig& config);
[[nodiscard]] PipelineParts read_vocab_merges(std::string_view vocab, std::string_view merges,
                                              const std::string& folder,
                                              const FolderConfig& config);

}  // namespace transept
