// M2M100: a SentencePiece model cuts the text, vocab.json numbers the pieces, language tokens
// (__fr__) follow them (transformers 5.24's M2M100Tokenizer). Input: language, pieces, end mark.
#pragma once

#include <filesystem>
#include <memory>

#include "text/family_config.h"
#include "text/slow_tokens.h"
#include "text/spm.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"

namespace transept {

class M2m100 : public Tokenizer {
 public:
  // Error usage for a language that the model does not have.
  M2m100(const std::filesystem::path& folder, const FamilyConfig& config,
         const TokenizerOptions& options);

  [[nodiscard]] Encoding encode(std::string_view text, const EncodeOptions& options) const override;
  [[nodiscard]] std::string decode(std::span<const Token> ids, bool skip_special) const override;
  [[nodiscard]] std::string piece(Token id) const override;
  [[nodiscard]] std::optional<Token> find(std::string_view piece) const override;
  [[nodiscard]] int size() const override;
  [[nodiscard]] bool is_special(Token id) const override { return tokens_->is_special(id); }
  [[nodiscard]] std::span<const Language> languages() const override { return languages_; }
  [[nodiscard]] LanguageMarks language_marks() const override { return LanguageMarks::each_side; }
  [[nodiscard]] std::string description() const override {
    return "M2M100 (sentencepiece.bpe.model, vocab.json)";
  }

 private:
  [[nodiscard]] Token id_of(std::string_view piece) const;
  [[nodiscard]] std::string_view spelling(Token id) const;

  Spm spm_;
  Vocabulary vocabulary_;
  std::vector<std::string> language_pieces_;  // "__fr__"; their ids follow the vocabulary
  std::vector<Language> languages_;
  std::unique_ptr<SlowTokens> tokens_;
  std::string unk_;
  Token eos_id_ = 0;
  Token source_language_ = 0;
  std::optional<Token> target_language_;
  bool clean_up_spaces_;
};

}  // namespace transept
