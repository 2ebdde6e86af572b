#include "serve/api/translate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>

#include "base/lines.h"
#include "serve/errors.h"

namespace transept::serve {
namespace {

constexpr size_t kMostLines = 8192;  // of all texts

void add_json(const Json& object, Inputs& inputs) {
  const auto add = [&](std::string_view name, const Json& value) {
    if (value.is_string()) inputs.fields.emplace_back(name, value.as_string());
    if (value.is_bool()) inputs.fields.emplace_back(name, value.as_bool() ? "true" : "false");
    if (value.is_number()) inputs.fields.emplace_back(name, fmt::format("{}", value.as_number()));
    if (value.is_object() && value.size() > 0) inputs.fields.emplace_back(name, "{…}");
  };
  object.each_member([&](std::string_view name, const Json& value) {
    check(inputs.fields.size() < kMostFields, ErrorCode::limit,
          "more than {} members; that is more than this surface has", kMostFields);
    if (!value.is_array()) return add(name, value);
    inputs.has_array = true;
    for (const Json& element : elements_of(value, kMostTexts, "texts")) {
      check(element.is_string(), ErrorCode::bad_data, "{}: expected a text", element);
      add(name, element);
    }
  });
}

void check_count(std::string_view form) {
  const auto n = static_cast<size_t>(std::count(form.begin(), form.end(), '&')) + 1;
  check(n <= kMostFields, ErrorCode::limit, "{} fields, at most {} are taken", n, kMostFields);
}

// "en to de, 202 languages of nllb"
std::string all_pairs(const Service& service) {
  std::string all;
  for (const auto& engine : service.engines) {
    const LanguageTable& languages = engine->loaded().languages;
    for (const Translation& pair : languages.pairs())
      all += fmt::format("{}{} to {}", all.empty() ? "" : ", ", pair.source, pair.target);
    if (languages.has_codes())
      all += fmt::format("{}the {} languages of {} (GET /languages lists them)",
                         all.empty() ? "" : ", ", languages.codes().size(), engine->name());
  }
  return all.empty() ? "none" : all;
}

// A text cut where line breaks and blank lines are; those stay as they are.
struct Part {
  std::string before;             // breaks, blank lines
  std::vector<size_t> questions;  // of what follows, by index; none at the end
};

std::vector<Part> cut_into_lines(std::string_view text, bool as_one,
                                 const std::function<std::vector<size_t>(std::string_view)>& ask) {
  std::vector<Part> parts(1);
  for (size_t at = 0; at <= text.size();) {
    const size_t end = as_one ? text.size() : std::min(text.find('\n', at), text.size());
    const std::string_view whole = text.substr(at, end - at);
    const std::string_view line = end < text.size() ? without_return(whole) : whole;
    if (is_blank(line)) {
      parts.back().before += whole;
    } else {
      parts.back().questions = ask(line);
      parts.emplace_back().before = whole.substr(line.size());
    }
    if (end < text.size()) parts.back().before += '\n';
    at = end + 1;
  }
  return parts;
}

// What the models are asked for some texts.
class Questions {
 public:
  Questions(const TranslationPair& pair, const TranslateOptions& options)
      : pair_(pair), options_(options), prompt_(prompt_ids(*pair.engine, {}, pair.direction)) {}

  // A line, in parts if it is longer than the model reads.
  std::vector<size_t> add_line(std::string_view line) {
    std::vector<size_t> questions;
    for (const std::string& part : pair_.engine->loaded().split(line, pair_.direction))
      questions.push_back(add(part));
    return questions;
  }

  std::vector<Ask> asks;

 private:
  size_t add(std::string_view text) {
    check(asks.size() < kMostLines, ErrorCode::limit, "more than {} lines at once", kMostLines);
    Ask ask;
    ask.engine = pair_.engine;
    set_source(ask, text, pair_.direction);
    ask.prompt = prompt_;
    ask.search = pair_.engine->defaults();
    if (pair_.direction.forced_bos) ask.search.forced_bos = pair_.direction.forced_bos;
    ask.search.n_best = 1 + options_.alternatives;
    if (!ask.search.sample) ask.search.beams = std::max(ask.search.beams, ask.search.n_best);
    ask.search.logprobs = false;  // nobody sees them
    asks.push_back(std::move(ask));
    return asks.size() - 1;
  }

  const TranslationPair& pair_;
  const TranslateOptions& options_;
  std::vector<Token> prompt_;
};

std::string joined(const std::vector<Part>& parts, const std::vector<Answer>& answers,
                   size_t rank) {
  std::string text;
  for (const Part& part : parts) {
    text += part.before;
    for (size_t i = 0; i < part.questions.size(); ++i) {
      const std::vector<std::string>& said = answers[part.questions[i]].texts;
      text += (i > 0 ? " " : "") + said[std::min(rank, said.size() - 1)];
    }
  }
  return text;
}

}  // namespace

TranslationPair find_pair(const Service& service, const std::string& source,
                          const std::string& target) {
  for (const bool loosely : {false, true}) {
    for (const auto& engine : service.engines) {
      const LoadedModel& model = engine->loaded();
      Languages asked{source, target};
      if (source.empty() && model.languages.has_codes())
        asked.source = model.usual_languages.source;
      const bool is_marked = model.languages.has_codes() &&
                             model.tokenizer->language_marks() == LanguageMarks::in_input;
      if (is_marked) asked.source.clear();  // it is told its target alone
      if (!model.languages.knows(asked, loosely)) continue;
      const Direction direction = model.languages.direction(asked);
      TranslationPair pair{engine.get(), direction.codes.source, direction.codes.target, direction};
      if (pair.source.empty()) pair.source = source;
      if (pair.source.empty()) pair.source = model.languages.only_source(target);
      if (pair.target.empty()) pair.target = target;
      return pair;
    }
  }
  check(!source.empty(), ErrorCode::usage,
        "into {}: name the source language, this server does not detect it; there is {}",
        target.substr(0, 100), [&] { return all_pairs(service); });
  fail(ErrorCode::usage, "from {} to {}: no model here translates that; there is {}",
       source.substr(0, 100), target.substr(0, 100), all_pairs(service));
}

std::map<std::string, std::set<std::string>> languages_by_source(const Service& service) {
  std::map<std::string, std::set<std::string>> targets;
  for (const auto& engine : service.engines) {
    const LanguageTable& languages = engine->loaded().languages;
    for (const Translation& pair : languages.pairs()) targets[pair.source].insert(pair.target);
    const std::vector<std::string> codes = languages.codes();
    for (const std::string& source : codes) targets[source].insert(codes.begin(), codes.end());
  }
  return targets;
}

std::string language_name(const std::string& code) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 24> kNames = {{
      {"ar", "Arabic"},   {"bg", "Bulgarian"},  {"cs", "Czech"},     {"da", "Danish"},
      {"de", "German"},   {"el", "Greek"},      {"en", "English"},   {"es", "Spanish"},
      {"et", "Estonian"}, {"fi", "Finnish"},    {"fr", "French"},    {"hu", "Hungarian"},
      {"it", "Italian"},  {"ja", "Japanese"},   {"ko", "Korean"},    {"nl", "Dutch"},
      {"pl", "Polish"},   {"pt", "Portuguese"}, {"ro", "Romanian"},  {"ru", "Russian"},
      {"sv", "Swedish"},  {"tr", "Turkish"},    {"uk", "Ukrainian"}, {"zh", "Chinese"},
  }};
  for (const auto& [known, name] : kNames)
    if (same_ignoring_case(known, code)) return std::string(name);
  return code;
}

std::string Inputs::get(std::string_view name) const {
  for (const auto& [key, value] : fields)
    if (key == name) return value;
  return "";
}

std::vector<std::string> Inputs::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : fields)
    if (key == name) values.push_back(value);
  return values;
}

bool is_json(const HttpRequest& request) {
  const std::string_view type = request.header("Content-Type");
  constexpr std::string_view kJson = "application/json";
  return same_ignoring_case(type.substr(0, kJson.size()), kJson) || request.body.starts_with('{');
}

namespace {

Inputs read_inputs(const HttpRequest& request) {
  Inputs inputs;
  check_count(request.query);
  inputs.fields = parse_form(request.query);
  if (request.body.empty()) return inputs;
  if (is_json(request)) {
    const JsonDocument document = parse_body(request);
    add_json(document.root(), inputs);
    return inputs;
  }
  check_count(request.body);
  for (auto& field : parse_form(request.body)) inputs.fields.push_back(std::move(field));
  return inputs;
}

// Texts as they were cut, and what is asked for them.
struct Documents {
  std::vector<std::vector<Part>> texts;
  std::vector<Ask> asks;
};

Documents cut(const TranslationPair& pair, const std::vector<std::string>& texts,
              const TranslateOptions& options) {
  Questions questions(pair, options);
  Documents documents;
  for (const std::string& text : texts) {
    check_text(text, "text");
    documents.texts.push_back(cut_into_lines(
        text, options.as_one, [&](std::string_view line) { return questions.add_line(line); }));
  }
  documents.asks = std::move(questions.asks);
  return documents;
}

}  // namespace

Task<Inputs> inputs_of(Call& call) {
  const HttpRequest& request = call.exchange.request;
  if (is_json(request) && request.body.size() > kReadHere) call.exchange.hold(request.body.size());
  Inputs inputs = co_await reading(call, [&] { return read_inputs(request); });
  co_return inputs;
}

bool says_nothing(std::string_view value) {
  return value.empty() || value == "false" || value == "0" || value == "null";
}

void check_fields(const Inputs& inputs, std::initializer_list<std::string_view> names) {
  for (const auto& [name, value] : inputs.fields) {
    if (says_nothing(value)) continue;
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    fail(ErrorCode::usage, "\"{}\" is not known here; there is {}", name.substr(0, 100),
         fmt::join(names, ", "));
  }
}

Task<std::vector<std::vector<std::string>>> translate_all(Call& call, const TranslationPair& pair,
                                                          std::vector<std::string> texts,
                                                          TranslateOptions options) {
  check(texts.size() <= kMostTexts, ErrorCode::limit, "{} texts at once, at most {} are taken",
        texts.size(), kMostTexts);
  Documents documents = co_await reading(call, [&] { return cut(pair, texts, options); });
  const std::vector<Answer> answers = co_await answer_all(call, std::move(documents.asks));
  std::vector<std::vector<std::string>> translated;
  for (const std::vector<Part>& parts : documents.texts) {
    std::vector<std::string>& ranks = translated.emplace_back();
    for (size_t rank = 0; rank <= static_cast<size_t>(options.alternatives); ++rank)
      ranks.push_back(joined(parts, answers, rank));
  }
  co_return translated;
}

}  // namespace transept::serve
