// Marian (OPUS-MT): one SentencePiece model for each side cuts the text, a shared vocab.json (or
// one for each side) numbers the pieces (transformers 5.24's MarianTokenizer).
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "text/family_config.h"
#include "text/moses_punctuation.h"
#include "text/slow_tokens.h"
#include "text/spm.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"

namespace transept {

class Marian : public Tokenizer {
 public:
  Marian(const std::filesystem::path& folder, const FamilyConfig& config,
         const TokenizerOptions& options);

  [[nodiscard]] Encoding encode(std::string_view text, const EncodeOptions& options) const override;
  [[nodiscard]] std::string decode(std::span<const Token> ids, bool skip_special) const override;
  [[nodiscard]] std::string piece(Token id) const override;
  [[nodiscard]] std::optional<Token> find(std::string_view piece) const override;
  [[nodiscard]] int size() const override;
  [[nodiscard]] bool is_special(Token id) const override { return tokens_->is_special(id); }
  // A model of one pair has none; one of several is told the target in its input.
  [[nodiscard]] std::span<const Language> languages() const override { return languages_; }
  [[nodiscard]] LanguageMarks language_marks() const override {
    return languages_.empty() ? LanguageMarks::none : LanguageMarks::in_input;
  }
  [[nodiscard]] std::string description() const override;

 private:
  void encode_part(std::string_view text, bool target_side, Encoding& out,
                   std::vector<Span>& spans) const;
  [[nodiscard]] Token id_of(std::string_view piece, bool target_side) const;
  [[nodiscard]] std::string_view spelling(Token id) const;
  [[nodiscard]] const Vocabulary& decoding_vocabulary() const {
    return separate_ ? *target_vocabulary_ : vocabulary_;
  }

  Spm source_;
  Spm target_;
  Vocabulary vocabulary_;
  std::optional<Vocabulary> target_vocabulary_;
  std::vector<Language> languages_;  // ">>fr<<" is "fr"
  std::optional<Token> target_language_;
  bool separate_;
  bool clean_up_spaces_;
  std::string unk_;
  std::string eos_;
  std::unique_ptr<SlowTokens> tokens_;
  std::optional<MosesPunctuation> punctuation_;
};

}  // namespace transept
