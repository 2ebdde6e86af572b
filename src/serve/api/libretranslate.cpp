// LibreTranslate's API: POST /translate, GET /languages, POST /detect.
#include <map>

#include "serve/api/translate.h"
#include "serve/router.h"

namespace transept::serve {
namespace {

std::string error_body(const Failure& failure) {
  JsonWriter json;
  json.begin_object().member("error", failure.message).end_object();
  return json.take();
}

// A key may come as a field here. It is found without looking at the rest.
Admission::Key& key_of(const Call& call) {
  Admission& admission = *call.service.admission;
  if (!admission.needs_key() || &call.key != &admission.everybody()) return call.key;
  const HttpRequest& request = call.exchange.request;
  const auto in = [](const Fields& fields) {
    for (const auto& [name, value] : fields)
      if (name == "api_key") return value;
    return std::string();
  };
  std::string given = in(parse_form(request.query));
  if (given.empty() && is_json(request))
    given = parse_body(request).root().get("api_key", "");
  else if (given.empty())
    given = in(parse_form(request.body));
  return admission.key_of("", given);
}

Task<void> translate(Call& call) {
  Admission::Key& key = key_of(call);
  const Inputs inputs = co_await inputs_of(call);
  std::vector<std::string> texts = inputs.all("q");
  check(!texts.empty(), ErrorCode::usage, "there is no text: q is missing");
  const bool as_list = inputs.has_array || texts.size() > 1;
  const std::string target = inputs.get("target");
  check(!target.empty(), ErrorCode::usage,
        "there is no language to translate into: target is missing");
  const std::string format = inputs.get("format");
  check(format.empty() || format == "text", ErrorCode::unsupported,
        "format {}: plain text is what exists; say text", format);
  const std::string named = inputs.get("source");
  const bool automatic = named.empty() || named == "auto";
  const TranslationPair pair = find_pair(call.service, automatic ? "" : named, target);
  call.exchange.scope.owner = key.number;
  Call authorised{call.service, call.exchange, key, {}, 0, 0};
  const size_t n = texts.size();
  const std::vector<Answer> answers = co_await translate_all(authorised, pair, std::move(texts));
  call.source_tokens = authorised.source_tokens;
  call.output_tokens = authorised.output_tokens;
  JsonWriter json;
  json.begin_object().key("translatedText");
  if (as_list) json.begin_array();
  for (const Answer& answer : answers) json.value(answer.texts.front());
  if (as_list) json.end_array();
  if (automatic) {  // the only language it can be here
    json.key("detectedLanguage");
    if (as_list) json.begin_array();
    for (size_t i = 0; i < n; ++i)
      json.begin_object()
          .member("language", pair.languages.source)
          .member("confidence", 0)
          .end_object();
    if (as_list) json.end_array();
  }
  json.end_object();
  co_await send_json(call, json.take());
}

Task<void> languages(Call& call) {
  std::map<std::string, std::vector<std::string>> targets;
  for (const TranslationPair& pair : translation_pairs(call.service)) {
    targets[pair.languages.source].push_back(pair.languages.target);
    targets[pair.languages.target];
  }
  JsonWriter json;
  json.begin_array();
  for (const auto& [code, reached] : targets) {
    json.begin_object().member("code", code).member("name", language_name(code));
    json.key("targets").begin_array();
    for (const std::string& target : reached) json.value(target);
    json.end_array().end_object();
  }
  json.end_array();
  co_await send_json(call, json.take());
}

Task<void> detect(Call&) {
  throw Refusal(501, "there is no language detector here; name the source language");
  co_return;
}

}  // namespace

void add_libretranslate_routes(std::vector<Route>& routes) {
  routes.push_back({"POST", "/translate", translate, error_body, Access::field, BodyKind::form});
  routes.push_back({"GET", "/languages", languages, error_body, Access::everybody});
  routes.push_back({"POST", "/detect", detect, error_body, Access::everybody, BodyKind::none});
}

}  // namespace transept::serve
