// A tokenizer put together from a normalizer, a pre-tokenizer, a subword model, a post-processor, a
// decoder and added tokens, as Hugging Face's tokenizers are.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "text/added_tokens.h"
#include "text/decoders.h"
#include "text/model.h"
#include "text/normalizers.h"
#include "text/post_processors.h"
#include "text/pre_tokenizers.h"
#include "text/tokenizer.h"

namespace transept {

struct PipelineParts {
  std::unique_ptr<Normalizer> normalizer;       // may be null
  std::unique_ptr<PreTokenizer> pre_tokenizer;  // may be null
  std::unique_ptr<SubwordModel> model;
  int model_count = 0;  // pieces of the model, without holes
  PostProcessor post_processor;
  std::unique_ptr<Decoder> decoder;  // null: pieces joined by spaces
  AddedTokens added;
  bool clean_up_spaces = false;  // after decoding
  std::vector<Language> languages;
  LanguageMarks language_marks = LanguageMarks::none;
  // The post-processor that puts this language around a text; empty: none does.
  std::function<PostProcessor(Token language)> around;
  // What a text gets of which nobody says the language. Empty: what post_processor puts.
  std::string source_language;
  std::string target_language;
  std::string description;
};

class Pipeline : public Tokenizer {
 public:
  explicit Pipeline(PipelineParts parts) : parts_(std::move(parts)) {}

  [[nodiscard]] Encoding encode(std::string_view text, const EncodeOptions& options) const override;
  [[nodiscard]] std::string decode(std::span<const Token> ids, bool skip_special) const override;
  [[nodiscard]] std::string piece(Token id) const override;
  [[nodiscard]] std::optional<Token> find(std::string_view piece) const override;
  [[nodiscard]] int size() const override;
  [[nodiscard]] bool is_special(Token id) const override;
  [[nodiscard]] std::span<const Language> languages() const override { return parts_.languages; }
  [[nodiscard]] LanguageMarks language_marks() const override { return parts_.language_marks; }
  [[nodiscard]] std::string description() const override { return parts_.description; }

 private:
  void add_marks(std::vector<PlacedToken>& tokens, const EncodeOptions& options) const;
  class Offsets;
  void add_pieces(const SplitText& text, const Split& split, const Offsets& offsets,
                  std::vector<PlacedToken>& out) const;

  PipelineParts parts_;
};

}  // namespace transept
