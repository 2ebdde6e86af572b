// What the translation surfaces share: language pairs, and fields that come as JSON, form or query.
#pragma once

#include <map>
#include <set>

#include "serve/api/native.h"

namespace transept::serve {

struct TranslationPair {
  Engine* engine = nullptr;
  std::string source;  // as the model spells them
  std::string target;
  Direction direction;
};

// Error usage lists the pairs and languages that there are. `source` may be empty: then there must
// be one source language only.
[[nodiscard]] TranslationPair find_pair(const Service& service, const std::string& source,
                                        const std::string& target);

// What can be translated: the targets of every source language, over all models.
[[nodiscard]] std::map<std::string, std::set<std::string>> languages_by_source(
    const Service& service);
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

// What clients send for an option that they do not use: "", false, 0, null.
[[nodiscard]] bool says_nothing(std::string_view value);
// Error usage for a field that is not one of `names`, unless it says nothing or no.
void check_fields(const Inputs& inputs, std::initializer_list<std::string_view> names);

// Each text in the pair's language, by the model's own search options; `alternatives` more of each,
// best first. Line breaks and blank lines stay, unless `as_one`: then a text is one line. What is
// longer than the model reads is translated in parts.
struct TranslateOptions {
  bool as_one = false;
  int alternatives = 0;
};
Task<std::vector<std::vector<std::string>>> translate_all(Call& call, const TranslationPair& pair,
                                                          std::vector<std::string> texts,
                                                          TranslateOptions options);

}  // namespace transept::serve
