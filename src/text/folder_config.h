// What the small JSON files beside a vocabulary say: tokenizer_config.json,
// special_tokens_map.json, config.json.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "text/added_tokens.h"

namespace transept {

struct FolderConfig {
  std::string tokenizer_class;  // without "Fast"; empty if nothing says
  std::string model_type;       // of config.json
  bool clean_up_spaces = false;
  bool clean_up_spaces_even_bpe = false;
  std::optional<bool> lowercase;  // do_lower_case
  std::optional<bool> strip_accents;
  std::optional<bool> chinese_chars;  // tokenize_chinese_chars
  std::optional<bool> add_prefix_space;
  std::optional<bool> trim_offsets;
  bool add_bos = false;
  bool add_eos = false;
  bool legacy_language_marks = false;       // NLLB's legacy_behaviour
  std::string source_language;              // src_lang
  std::map<std::string, AddedToken> named;  // "eos_token" -> </s>, …
  std::vector<AddedToken> added;            // further tokens, in order of their ids

  [[nodiscard]] bool is_class(std::string_view name) const { return tokenizer_class == name; }
};

// Files that are missing say nothing. Error bad_data for members of a wrong kind.
[[nodiscard]] FolderConfig read_folder_config(const std::filesystem::path& folder);

}  // namespace transept
