// What the translation surfaces share: language pairs, and fields that come as JSON, form or query.
#pragma once

#include "serve/api/native.h"

namespace transept::serve {

struct TranslationPair {
  Engine* engine = nullptr;
  Translation languages;
};

// The pairs named at start for the first model, and those that the models' own folders name.
[[nodiscard]] std::vector<TranslationPair> translation_pairs(const Service& service);
// `source` may be empty: then there must be one source language only. Error usage lists the pairs.
[[nodiscard]] TranslationPair find_pair(const Service& service, std::string_view source,
                                        std::string_view target);
[[nodiscard]] std::string language_name(const std::string& code);

// Members of the query, of a form and of a JSON object alike; an array counts as its name repeated.
struct Inputs {
  Fields fields;
  bool has_array = false;  // some field came as an array
  [[nodiscard]] std::string get(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const;
};
// By its type, or by how it begins.
[[nodiscard]] bool is_json(const HttpRequest& request);
Task<Inputs> inputs_of(Call& call);

// Each text in the pair's language, by the model's own search options.
Task<std::vector<Answer>> translate_all(Call& call, const TranslationPair& pair,
                                        std::vector<std::string> texts);

}  // namespace transept::serve
