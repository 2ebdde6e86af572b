#include "reading.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/lines.h"
#include "common.h"

namespace transept::cli {
namespace {

Languages typed(const Options& options, const LanguageOptions& given) {
  Languages languages;
  if (options.origin("source-language") == Origin::command_line) languages.source = given.source;
  if (options.origin("target-language") == Origin::command_line) languages.target = given.target;
  return languages;
}

}  // namespace

void LanguageOptions::declare(Options& options) {
  options.text("source-language", "CODE", source,
               "the input's language, for models that know languages by codes or pairs");
  options.text("target-language", "CODE", target,
               "and the output's; a pair of the model's folder chooses its prompt or prefix");
}

Languages LanguageOptions::of(const Options& options, const Model& model) const {
  const bool knows_some = !model.languages().empty() || !model.language_pairs().empty();
  const Languages languages = knows_some ? Languages{source, target} : typed(options, *this);
  (void)model.are_in_input(languages);  // Error usage for what the model does not know
  return languages;
}

Languages LanguageOptions::of(const Options& options, const Tokenizer& tokenizer) const {
  return tokenizer.languages().empty() ? typed(options, *this) : Languages{source, target};
}

void TextReader::declare(Options& options) {
  options.choice(
      "too-long", ways_, too_long_,
      "a text longer than the model reads: an error, left out, answered in parts, or its "
      "beginning alone");
}

void TextReader::declare_blank(Options& options) {
  options.choice("blank", {"keep", "generate"}, blank_,
                 "a line of nothing but white space: a blank line, or what the model says to it");
  keeps_blanks_ = true;
}

void TextReader::start(const Model& model, const Languages& languages) {
  model_ = &model;
  languages_ = languages;
}

Reading TextReader::read(const Line& line, bool as_ids) {
  ++n_lines_;
  Reading reading;
  if (!as_ids && keeps_blanks_ && blank_ == "keep" && is_blank(line.text)) return reading;
  reading.parts = as_ids ? read_ids(line) : read_text(line);
  reading.is_left_out = reading.parts.empty();
  for (const std::vector<Token>& part : reading.parts) check_part(line, part);
  return reading;
}

std::vector<std::vector<Token>> TextReader::read_text(const Line& line) {
  at_line(line.where, [&] { check_text(line.text); });
  const auto ids_of = [&](const std::string& text) {
    return at_line(line.where, [&] { return model_->source_ids(text, languages_); });
  };
  if (too_long_ == "error" ||
      at_line(line.where, [&] { return model_->fits(line.text, languages_); }))
    return {ids_of(line.text)};
  if (too_long_ == "skip") {
    tell(line, "left out");
    return {};
  }
  if (too_long_ == "cut") {
    tell(line, "only its beginning is read");
    return {at_line(line.where, [&] { return model_->cut_source_ids(line.text, languages_); })};
  }
  std::vector<std::vector<Token>> parts;
  for (const std::string& part :
       at_line(line.where, [&] { return model_->split(line.text, languages_); }))
    parts.push_back(ids_of(part));
  tell(line, fmt::format("read in {} parts", parts.size()));
  return parts;
}

std::vector<std::vector<Token>> TextReader::read_ids(const Line& line) {
  std::vector<Token> ids = parse_ids(line.text, line.where);
  const auto most = static_cast<size_t>(model_->max_source());
  if (most == 0 || ids.size() <= most || too_long_ == "error") return {std::move(ids)};
  if (too_long_ == "skip") {
    tell(line, "left out");
    return {};
  }
  if (too_long_ == "cut") {
    tell(line, "only its beginning is read");
    ids.resize(most);
    return {std::move(ids)};
  }
  std::vector<std::vector<Token>> parts;
  for (size_t begin = 0; begin < ids.size(); begin += most) {
    const size_t end = std::min(begin + most, ids.size());
    parts.emplace_back(ids.begin() + static_cast<std::ptrdiff_t>(begin),
                       ids.begin() + static_cast<std::ptrdiff_t>(end));
  }
  tell(line, fmt::format("read in {} parts", parts.size()));
  return parts;
}

void TextReader::check_part(const Line& line, const std::vector<Token>& ids) const {
  check(!ids.empty() || !model_->has_encoder(), ErrorCode::bad_data,
        "{}: the input is empty; an encoder needs at least one token", line.where);
  if (model_->has_encoder()) return at_line(line.where, [&] { model_->check_source(ids); });
  const int most = model_->max_source();
  check(most == 0 || ids.size() <= static_cast<size_t>(most), ErrorCode::limit,
        "{}: the input has {} tokens, the decoder has {} positions; shorten or split it "
        "(--too-long)",
        line.where, ids.size(), most + 1);
}

// A line of its own for each: who reads the output has to know which of its lines are not whole.
void TextReader::tell(const Line& line, const std::string& what) {
  ++n_too_long_;
  message(fmt::format("transept: {}: longer than the model's {} positions; {}", line.where,
                      model_->max_source(), what));
}

void TextReader::finish() const {
  if (n_too_long_ > 0)
    message(fmt::format("transept: {} of {} inputs {} too long (--too-long {})", n_too_long_,
                        n_lines_, n_too_long_ == 1 ? "was" : "were", too_long_));
}

Memory memory_of(const Model& model, const Reading& reading) {
  std::vector<Memory> memories;
  for (const std::vector<Token>& part : reading.parts) memories.push_back(model.encode(part));
  return memories.size() == 1 ? memories.front() : concat(memories);
}

void PromptOptions::declare(Options& options) {
  options.text("prompt", "TEXT", text,
               "what the decoder starts from; without it the one of the languages, or the model's "
               "first");
  options.ids("prompt-ids", is_ids, ids_text, "the prompt is token ids, not text");
  declare_any(options);
}

void PromptOptions::declare_any(Options& options) {
  options.flag("any-prompt", any,
               "take the prompt as it is, also one that the model does not list");
}

std::vector<Token> PromptOptions::ids(const Model& model, const Languages& languages) const {
  check(ids_text.empty() || text.empty(), ErrorCode::usage,
        "--prompt-ids {}: the prompt is given twice; leave out --prompt", ids_text);
  return ids_of(ids_text.empty() ? text : ids_text, model, languages);
}

std::vector<Token> PromptOptions::ids_of(const std::string& prompt, const Model& model,
                                         const Languages& languages) const {
  if (is_ids) return parse_ids(prompt, "--prompt-ids");
  return at_line("--prompt", [&] {
    check_text(prompt);
    GenerateOptions options;
    options.prompt = prompt;
    options.any_prompt = any;
    options.source_language = languages.source;
    options.target_language = languages.target;
    return model.prompt_ids(options);
  });
}

}  // namespace transept::cli
