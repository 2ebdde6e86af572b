#include "text/tagged_tokenizer.h"

#include <algorithm>

#include "base/error.h"

namespace transept {

TaggedTokenizer::TaggedTokenizer(std::unique_ptr<Tokenizer> inner, const TagRules& rules,
                                 const TokenizerOptions& options)
    : inner_(std::move(inner)), rules_(rules) {
  const auto end = inner_->find(rules.end);
  check(
      end.has_value(), ErrorCode::bad_data, "{}: no end mark '{}'",
      [&] { return inner_->description(); }, rules.end);
  end_ = *end;
  if (rules.source_language.empty()) {
    source_ = target_ = tags_of(std::nullopt);
    return;
  }
  const std::span<const Language> own = inner_->languages();
  languages_.assign(own.begin(), own.end());
  for (const std::string& code : rules.codes) {
    const auto id = inner_->find(code);
    const auto has_code = [&](const Language& language) { return language.code == code; };
    if (id && std::none_of(own.begin(), own.end(), has_code)) languages_.push_back({code, *id});
  }
  source_ = tags_of(language_id(options.source_language, rules.source_language));
  // Without a target language of its own the target side has the source side's.
  const bool follows = rules.target_language == rules.source_language;
  const std::string& others =
      follows && !options.source_language.empty() ? options.source_language : rules.target_language;
  target_ = tags_of(language_id(options.target_language, others));
}

// Of the language that was asked for, else of the folder's own, else of what stands for one that
// the vocabulary lacks.
Token TaggedTokenizer::language_id(const std::string& asked, const std::string& own) const {
  if (!asked.empty()) return language_token(*this, asked);
  std::optional<Token> id = inner_->find(own);
  if (!id) id = inner_->find(rules_.unknown);
  check(
      id.has_value(), ErrorCode::bad_data, "{}: no piece '{}'",
      [&] { return inner_->description(); }, rules_.unknown);
  return *id;
}

TaggedTokenizer::Tags TaggedTokenizer::tags_of(std::optional<Token> language) const {
  Tags tags;
  tags.after.push_back(end_);
  if (language) (rules_.language_last ? tags.after : tags.before).push_back(*language);
  return tags;
}

Encoding TaggedTokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  Encoding out = inner_->encode(text, {.special_tokens = options.special_tokens});
  if (!options.special_tokens) return out;
  const std::string_view asked =
      options.target_side ? options.target_language : options.source_language;
  const Tags other = asked.empty() ? Tags() : tags_of(language_token(*this, asked));
  const Tags& tags = !asked.empty() ? other : options.target_side ? target_ : source_;
  out.ids.insert(out.ids.begin(), tags.before.begin(), tags.before.end());
  out.offsets.insert(out.offsets.begin(), tags.before.size(), Offset{});
  out.ids.insert(out.ids.end(), tags.after.begin(), tags.after.end());
  out.offsets.insert(out.offsets.end(), tags.after.size(), Offset{});
  return out;
}

}  // namespace transept
