// Writing tokenizers in the world's formats: tokenizer.json with its configuration, and Marian's
// files.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "vocab/sentencepiece.h"

namespace transept {

inline constexpr std::string_view kBos = "<s>";
inline constexpr std::string_view kPad = "<pad>";
inline constexpr std::string_view kEos = "</s>";
inline constexpr std::string_view kUnk = "<unk>";

// tokenizer.json of a vocabulary of whole tokens; their index is their id, and the marks are among
// them. `pattern` is a regular expression for one token; empty: what spaces separate. Decoding puts
// a space between tokens, or nothing if `is_joined`.
struct TokenList {
  std::vector<std::string> tokens;
  std::string pattern;
  bool is_joined = false;
};
[[nodiscard]] std::string tokenizer_json(const TokenList& list, const MarkIds& marks,
                                         const std::vector<std::string>& symbols);

// The same for a SentencePiece model (the bytes of its file).
[[nodiscard]] std::string tokenizer_json(std::string_view model, const MarkIds& marks,
                                         const std::vector<std::string>& symbols);

[[nodiscard]] std::string tokenizer_config_json(const MarkIds& marks);
[[nodiscard]] std::string special_tokens_json(const MarkIds& marks);

// Marian: vocab.json for a model without a padding piece, which becomes the last id, and
// tokenizer_config.json.
[[nodiscard]] std::string marian_vocab_json(std::string_view model);
[[nodiscard]] std::string marian_config_json();

}  // namespace transept
