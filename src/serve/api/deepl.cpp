// DeepL's API, version 2: /v2/translate, /v2/languages, /v2/usage.
#include <algorithm>
#include <set>

#include "serve/api/translate.h"
#include "serve/router.h"

namespace transept::serve {
namespace {

std::string error_body(const Failure& failure) {
  JsonWriter json;
  json.begin_object().member("message", failure.message).end_object();
  return json.take();
}

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

// "EN-US" where the models know "en".
TranslationPair pair_of(const Service& service, const std::string& source,
                        const std::string& target) {
  const auto pairs = translation_pairs(service);
  const bool exact = std::any_of(pairs.begin(), pairs.end(), [&](const TranslationPair& pair) {
    return same_ignoring_case(pair.languages.target, target);
  });
  return find_pair(service, source, exact ? target : target.substr(0, target.find('-')));
}

Task<void> translate(Call& call) {
  const Inputs inputs = co_await inputs_of(call);
  std::vector<std::string> texts = inputs.all("text");
  check(!texts.empty(), ErrorCode::usage, "there is no text: \"text\" is missing");
  const std::string target = inputs.get("target_lang");
  check(!target.empty(), ErrorCode::usage, "\"target_lang\" is missing");
  for (const char* name : {"glossary_id", "tag_handling", "style_id"})
    check(inputs.get(name).empty(), ErrorCode::unsupported, "\"{}\" is not supported", name);
  const TranslationPair pair = pair_of(call.service, inputs.get("source_lang"), target);
  const std::vector<Answer> answers = co_await translate_all(call, pair, std::move(texts));
  JsonWriter json;
  json.begin_object().key("translations").begin_array();
  for (const Answer& answer : answers) {
    json.begin_object().member("detected_source_language", upper(pair.languages.source));
    json.member("text", answer.texts.front()).member("billed_characters", 0).end_object();
  }
  json.end_array().end_object();
  co_await send_json(call, json.take());
}

Task<void> languages(Call& call) {
  const std::string type = (co_await inputs_of(call)).get("type");
  const bool targets = type == "target";
  check(targets || type.empty() || type == "source", ErrorCode::usage,
        "\"type\" is {}, expected source or target", type);
  std::set<std::string> codes;
  for (const TranslationPair& pair : translation_pairs(call.service))
    codes.insert(targets ? pair.languages.target : pair.languages.source);
  JsonWriter json;
  json.begin_array();
  for (const std::string& code : codes) {
    json.begin_object().member("language", upper(code)).member("name", language_name(code));
    if (targets) json.member("supports_formality", false);
    json.end_object();
  }
  json.end_array();
  co_await send_json(call, json.take());
}

// Nothing is counted in characters here, so nothing is limited in them.
Task<void> usage(Call& call) {
  co_await send_json(call, R"({"character_count":0,"character_limit":1000000000000})");
}

}  // namespace

void add_deepl_routes(std::vector<Route>& routes) {
  routes.push_back({"POST", "/v2/translate", translate, error_body, Access::key, BodyKind::form});
  routes.push_back({"GET", "/v2/languages", languages, error_body});
  routes.push_back({"GET", "/v2/usage", usage, error_body});
}

}  // namespace transept::serve
