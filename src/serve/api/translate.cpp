#include "serve/api/translate.h"

#include <algorithm>
#include <array>

namespace transept::serve {
namespace {

void add_json(const Json& object, Inputs& inputs) {
  const auto add = [&](std::string_view name, const Json& value) {
    if (value.is_string()) inputs.fields.emplace_back(name, value.as_string());
    if (value.is_bool()) inputs.fields.emplace_back(name, value.as_bool() ? "true" : "false");
    if (value.is_number()) inputs.fields.emplace_back(name, fmt::format("{}", value.as_number()));
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

void check_fields(std::string_view form) {
  const auto n = static_cast<size_t>(std::count(form.begin(), form.end(), '&')) + 1;
  check(n <= kMostFields, ErrorCode::limit, "{} fields, at most {} are taken", n, kMostFields);
}

}  // namespace

std::vector<TranslationPair> translation_pairs(const Service& service) {
  std::vector<TranslationPair> pairs;
  for (const Translation& translation : service.options.translations)
    pairs.push_back({service.engines.front().get(), translation});
  for (const auto& engine : service.engines)
    for (const Translation& translation : engine->translations())
      pairs.push_back({engine.get(), translation});
  return pairs;
}

TranslationPair find_pair(const Service& service, std::string_view source,
                          std::string_view target) {
  const std::vector<TranslationPair> pairs = translation_pairs(service);
  std::string all;
  const TranslationPair* found = nullptr;
  int fitting = 0;
  for (const TranslationPair& pair : pairs) {
    all += fmt::format("{}{} to {}", all.empty() ? "" : ", ", pair.languages.source,
                       pair.languages.target);
    if (!same_ignoring_case(pair.languages.target, target)) continue;
    if (!source.empty() && !same_ignoring_case(pair.languages.source, source)) continue;
    if (found == nullptr) found = &pair;
    ++fitting;
  }
  check(found != nullptr, ErrorCode::usage,
        "from {} to {}: no model here translates that; there is {}",
        source.empty() ? "any language" : source, target, all.empty() ? "none" : all);
  check(fitting == 1 || !source.empty(), ErrorCode::usage,
        "name the source language: this server does not detect it");
  return *found;
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
  check_fields(request.query);
  inputs.fields = parse_form(request.query);
  if (request.body.empty()) return inputs;
  if (is_json(request)) {
    const JsonDocument document = parse_body(request);
    add_json(document.root(), inputs);
    return inputs;
  }
  check_fields(request.body);
  for (auto& field : parse_form(request.body)) inputs.fields.push_back(std::move(field));
  return inputs;
}

std::vector<Ask> asks_of(const TranslationPair& pair, const std::vector<std::string>& texts) {
  const std::vector<Token> prompt = prompt_ids(*pair.engine, pair.languages.prompt);
  std::vector<Ask> asks;
  for (const std::string& text : texts) {
    Ask ask;
    ask.engine = pair.engine;
    ask.source = source_ids(*pair.engine, pair.languages.prefix + text);
    ask.prompt = prompt;
    ask.search = pair.engine->defaults();
    ask.search.logprobs = false;  // nobody sees them
    asks.push_back(std::move(ask));
  }
  return asks;
}

}  // namespace

Task<Inputs> inputs_of(Call& call) {
  const HttpRequest& request = call.exchange.request;
  if (is_json(request) && request.body.size() > kReadHere) call.exchange.hold(request.body.size());
  Inputs inputs = co_await reading(call, [&] { return read_inputs(request); });
  co_return inputs;
}

Task<std::vector<Answer>> translate_all(Call& call, const TranslationPair& pair,
                                        std::vector<std::string> texts) {
  check(texts.size() <= kMostTexts, ErrorCode::limit, "{} texts at once, at most {} are taken",
        texts.size(), kMostTexts);
  std::vector<Ask> asks = co_await reading(call, [&] { return asks_of(pair, texts); });
  std::vector<Answer> answers = co_await answer_all(call, std::move(asks));
  co_return answers;
}

}  // namespace transept::serve
