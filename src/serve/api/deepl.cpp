// DeepL's API, version 2: /v2/translate, /v2/languages, /v2/usage.
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

Task<void> translate(Call& call) {
  const Inputs inputs = co_await inputs_of(call);
  std::vector<std::string> texts = inputs.all("text");
  check(!texts.empty(), ErrorCode::usage, "there is no text: \"text\" is missing");
  const std::string target = inputs.get("target_lang");
  check(!target.empty(), ErrorCode::usage, "\"target_lang\" is missing");
  for (const char* name : {"glossary_id", "tag_handling", "style_id", "context",
                           "custom_instructions", "outline_detection"})
    check(says_nothing(inputs.get(name)), ErrorCode::unsupported, "\"{}\" is not supported", name);
  check_fields(inputs, {"text", "target_lang", "source_lang", "split_sentences", "auth_key",
                        "preserve_formatting", "formality", "show_billed_characters", "model_type",
                        "tag_handling_version", "enable_beta_languages"});
  const std::string formality = inputs.get("formality");  // a preference may go unheard
  check(formality != "more" && formality != "less", ErrorCode::unsupported,
        "\"formality\": the models here have one form only");
  const std::string lines = inputs.get("split_sentences");
  const TranslationPair pair = find_pair(call.service, inputs.get("source_lang"), target);
  const std::vector<std::vector<std::string>> answers = co_await translate_all(
      call, pair, std::move(texts), {.as_one = lines == "0" || lines == "nonewlines"});
  JsonWriter json;
  json.begin_object().key("translations").begin_array();
  for (const std::vector<std::string>& ranks : answers) {
    json.begin_object().member("detected_source_language", upper(pair.source));
    json.member("text", ranks.front()).member("billed_characters", 0).end_object();
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
  for (const auto& [source, reached] : languages_by_source(call.service)) {
    if (!targets) codes.insert(source);
    if (targets) codes.insert(reached.begin(), reached.end());
  }
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
