#include "api/implementation.h"

namespace transept::api {

Tokenizer Tokenizer::load(const std::filesystem::path& folder, const LoadOptions& options) {
  auto implementation = std::make_shared<Implementation>();
  implementation->tokenizer =
      load_tokenizer(folder, {.normalize_punctuation = options.normalize_punctuation,
                              .source_language = options.source_language,
                              .target_language = options.target_language});
  return Tokenizer(std::move(implementation));
}

Tokenizer::Encoding Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  check_text_size(text);
  const LanguageTable known(implementation_->tokenizer.get(), {});
  const transept::Languages codes = known.direction(languages_of(options)).codes;
  transept::Encoding encoding =
      implementation_->tokenizer->encode(text, {.special_tokens = options.special_tokens,
                                                .target_side = options.target_side,
                                                .source_language = codes.source,
                                                .target_language = codes.target});
  Encoding result;
  result.ids = std::move(encoding.ids);
  result.offsets.reserve(encoding.offsets.size());
  for (const transept::Offset& offset : encoding.offsets)
    result.offsets.push_back({offset.begin, offset.end});
  return result;
}

std::string Tokenizer::decode(std::span<const Token> ids, bool skip_special) const {
  return implementation_->tokenizer->decode(ids, skip_special);
}

std::string Tokenizer::piece(Token id) const {
  return implementation_->tokenizer->piece(id);
}

std::optional<Token> Tokenizer::find(std::string_view piece) const {
  return implementation_->tokenizer->find(piece);
}

int Tokenizer::size() const {
  return implementation_->tokenizer->size();
}

bool Tokenizer::is_special(Token id) const {
  return implementation_->tokenizer->is_special(id);
}

std::vector<std::string> Tokenizer::languages() const {
  std::vector<std::string> codes;
  for (const Language& language : implementation_->tokenizer->languages())
    codes.push_back(language.code);
  return codes;
}

std::string Tokenizer::description() const {
  return implementation_->tokenizer->description();
}

}  // namespace transept::api
