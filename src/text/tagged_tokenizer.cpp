#include "text/tagged_tokenizer.h"

#include "base/error.h"

namespace transept {

TaggedTokenizer::TaggedTokenizer(std::unique_ptr<Tokenizer> inner, const TagRules& rules,
                                 const TokenizerOptions& options)
    : inner_(std::move(inner)) {
  source_ = make_tags(rules, options.source_language, rules.source_language);
  // Without a target language of its own the target side has the source side's.
  const bool follows = rules.target_language == rules.source_language;
  const std::string& own =
      follows && !options.source_language.empty() ? options.source_language : rules.target_language;
  target_ = make_tags(rules, options.target_language, own);
}

TaggedTokenizer::Tags TaggedTokenizer::make_tags(const TagRules& rules, const std::string& asked,
                                                 const std::string& own) const {
  const auto end = inner_->find(rules.end);
  check(end.has_value(), ErrorCode::bad_data, "{}: no end mark '{}'", inner_->description(),
        rules.end);
  Tags tags;
  if (!rules.source_language.empty()) {
    const std::string& code = asked.empty() ? own : asked;
    auto language = inner_->find(code);
    check(language.has_value() || asked.empty(), ErrorCode::usage,
          "{}: language '{}' is not in the vocabulary", inner_->description(), code);
    if (!language) language = inner_->find(rules.unknown);
    check(language.has_value(), ErrorCode::bad_data, "{}: no piece '{}'", inner_->description(),
          rules.unknown);
    (rules.language_last ? tags.after : tags.before).push_back(*language);
  }
  tags.after.insert(tags.after.begin(), *end);
  return tags;
}

Encoding TaggedTokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  Encoding out = inner_->encode(text, options);
  if (!options.special_tokens) return out;
  const Tags& tags = options.target_side ? target_ : source_;
  out.ids.insert(out.ids.begin(), tags.before.begin(), tags.before.end());
  out.offsets.insert(out.offsets.begin(), tags.before.size(), Offset{});
  out.ids.insert(out.ids.end(), tags.after.begin(), tags.after.end());
  out.offsets.insert(out.offsets.end(), tags.after.size(), Offset{});
  return out;
}

}  // namespace transept
