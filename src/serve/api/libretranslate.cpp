// LibreTranslate's API: POST /translate, GET /languages, POST /detect.
#include <charconv>
#include <map>
#include <set>

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

// How many more of each.
int alternatives_of(const std::string& text) {
  constexpr int kMost = 16;
  if (text.empty()) return 0;
  int n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  check(error == std::errc() && end == text.data() + text.size() && n >= 0 && n <= kMost,
        ErrorCode::usage, "alternatives: {}, expected 0 to {}", text, kMost);
  return n;
}

Task<void> translate(Call& call) {
  Admission::Key& key = key_of(call);
  const Inputs inputs = co_await inputs_of(call);
  check_fields(inputs, {"q", "source", "target", "format", "alternatives", "api_key"});
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
  const int alternatives = alternatives_of(inputs.get("alternatives"));
  call.exchange.scope.owner = key.number;
  Call authorised{call.service, call.exchange, key, {}, 0, 0};
  const std::vector<std::vector<std::string>> answers =
      co_await translate_all(authorised, pair, std::move(texts), {.alternatives = alternatives});
  call.source_tokens = authorised.source_tokens;
  call.output_tokens = authorised.output_tokens;
  JsonWriter json;
  json.begin_object();
  const auto member = [&](const char* name, const auto& write) {
    json.key(name);
    if (as_list) json.begin_array();
    for (const std::vector<std::string>& ranks : answers) write(ranks);
    if (as_list) json.end_array();
  };
  member("translatedText", [&](const auto& ranks) { json.value(ranks.front()); });
  if (alternatives > 0)
    member("alternatives", [&](const auto& ranks) {
      json.begin_array();
      for (size_t i = 1; i < ranks.size(); ++i) json.value(ranks[i]);
      json.end_array();
    });
  if (automatic)  // the only language it can be here
    member("detectedLanguage", [&](const auto&) {
      json.begin_object().member("language", pair.source).member("confidence", 0).end_object();
    });
  json.end_object();
  co_await send_json(call, json.take());
}

Task<void> languages(Call& call) {
  std::map<std::string, std::set<std::string>> targets = languages_by_source(call.service);
  std::set<std::string> all;
  for (const auto& [source, reached] : targets) all.insert(reached.begin(), reached.end());
  for (const std::string& code : all) targets[code];
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
