// What the files beside a vocabulary say about special tokens: tokenizer_config.json and, where
// that does not list the added tokens itself, special_tokens_map.json. Read as transformers 5.24
// does (PreTrainedTokenizerBase.from_pretrained).
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "text/added_tokens.h"
#include "text/tokenizer.h"

namespace transept {

class FamilyConfig {
 public:
  explicit FamilyConfig(const std::filesystem::path& folder);

  // "T5Tokenizer", from tokenizer_config.json, config.json or config.json's model_type; without
  // "Fast"; empty if nothing says.
  [[nodiscard]] const std::string& tokenizer_class() const { return tokenizer_class_; }

  // The token of an attribute such as "eos_token": as the files say, else the class's own. Null
  // means that there is none. `flags`: those of a token that is given as a string.
  [[nodiscard]] std::optional<AddedToken> named(std::string_view attribute,
                                                std::optional<std::string_view> otherwise,
                                                const AddedToken& flags = {}) const;
  // additional_special_tokens / extra_special_tokens; empty if there are none.
  [[nodiscard]] const std::vector<AddedToken>& extra() const { return extra_; }
  // The same list if only special_tokens_map.json has it.
  [[nodiscard]] const std::vector<AddedToken>& mapped_extra() const { return mapped_extra_; }
  // added_tokens_decoder, by ascending id.
  [[nodiscard]] const std::map<Token, AddedToken>& added() const { return added_; }

  [[nodiscard]] std::string text(std::string_view key, const char* otherwise) const;
  // Whether tokenizer_config.json has the key with the value null.
  [[nodiscard]] bool is_null(std::string_view key) const;
  [[nodiscard]] bool flag(std::string_view key, bool otherwise) const;
  [[nodiscard]] int number(std::string_view key, int otherwise, int least, int most) const;

 private:
  void read_class(const std::filesystem::path& folder);
  void read_map(const Json& map);
  void read_added();

  std::optional<JsonDocument> document_;
  std::string tokenizer_class_;
  struct Named {
    std::optional<AddedToken> token;  // none: null
    bool is_string = true;
  };
  std::map<std::string, Named, std::less<>> named_;
  std::vector<AddedToken> extra_;
  std::vector<AddedToken> mapped_extra_;
  std::map<Token, AddedToken> added_;
};

// The attributes in the order in which transformers adds their tokens.
inline constexpr std::string_view kSpecialAttributes[] = {
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};

}  // namespace transept
