// A tokenizer whose inputs carry an end mark and, for multilingual models, a language.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace transept {

struct TagRules {
  std::string end;              // "</s>"
  std::string unknown;          // stands for a language that the vocabulary lacks
  std::string source_language;  // "en_XX"; empty: no language
  std::string target_language;
  std::vector<std::string> codes;  // of languages, if the vocabulary has them, beside inner's own
  bool language_last = false;      // pieces, end, language; else language, pieces, end
};

class TaggedTokenizer : public Tokenizer {
 public:
  // Languages in `options` go before those of `rules`; Error usage for one that is not a token.
  TaggedTokenizer(std::unique_ptr<Tokenizer> inner, const TagRules& rules,
                  const TokenizerOptions& options);

  [[nodiscard]] Encoding encode(std::string_view text, const EncodeOptions& options) const override;
  [[nodiscard]] std::string decode(std::span<const Token> ids, bool skip_special) const override {
    return inner_->decode(ids, skip_special);
  }
  [[nodiscard]] std::string piece(Token id) const override { return inner_->piece(id); }
  [[nodiscard]] std::optional<Token> find(std::string_view piece) const override {
    return inner_->find(piece);
  }
  [[nodiscard]] int size() const override { return inner_->size(); }
  [[nodiscard]] bool is_special(Token id) const override { return inner_->is_special(id); }
  [[nodiscard]] std::span<const Language> languages() const override { return languages_; }
  [[nodiscard]] LanguageMarks language_marks() const override {
    return languages_.empty() ? LanguageMarks::none : LanguageMarks::each_side;
  }
  [[nodiscard]] std::string description() const override { return inner_->description(); }

 private:
  struct Tags {
    std::vector<Token> before, after;
  };
  [[nodiscard]] Token language_id(const std::string& asked, const std::string& own) const;
  [[nodiscard]] Tags tags_of(std::optional<Token> language) const;

  std::unique_ptr<Tokenizer> inner_;
  TagRules rules_;
  std::vector<Language> languages_;
  Token end_ = 0;
  Tags source_, target_;
};

}  // namespace transept
