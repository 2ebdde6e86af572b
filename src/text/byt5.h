// ByT5: every byte of the text is a token, after three special ones and before the sentinels
// <extra_id_0> … (Xue et al. 2021; transformers 5.24's ByT5Tokenizer, which numbers the sentinels
// upwards). No vocabulary file.
#pragma once

#include "text/family_config.h"
#include "text/slow_tokens.h"
#include "text/tokenizer.h"

namespace transept {

class ByT5 : public Tokenizer {
 public:
  explicit ByT5(const FamilyConfig& config);
  [[nodiscard]] Encoding encode(std::string_view text, const EncodeOptions& options) const override;
  [[nodiscard]] std::string decode(std::span<const Token> ids, bool skip_special) const override;
  [[nodiscard]] std::string piece(Token id) const override;
  [[nodiscard]] std::optional<Token> find(std::string_view piece) const override;
  [[nodiscard]] int size() const override;
  [[nodiscard]] bool is_special(Token id) const override { return tokens_.is_special(id); }
  [[nodiscard]] std::string description() const override { return "ByT5 bytes"; }

 private:
  SlowTokens tokens_;
  Token eos_id_;
  bool clean_up_spaces_;
};

}  // namespace transept
