#include "text/family_config.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"

namespace transept {
namespace {

namespace fs = std::filesystem;

std::optional<JsonDocument> load_if_there(const fs::path& path) {
  if (!file_exists(path)) return std::nullopt;
  return JsonDocument::load(path.string());
}

// A token as an object: all its flags; `special` unless it says otherwise.
AddedToken read_token(const Json& json) {
  if (json.is_string()) {
    return {.content = std::string(json.as_string()), .special = true};
  }
  return {.content = std::string(json.at("content").as_string()),
          .single_word = json.get("single_word", false),
          .lstrip = json.get("lstrip", false),
          .rstrip = json.get("rstrip", false),
          .normalized = json.get("normalized", false),
          .special = json.get("special", true)};
}

std::vector<AddedToken> read_list(const std::optional<Json>& list) {
  std::vector<AddedToken> tokens;
  if (!list || !list->is_array()) return tokens;
  list->each_element([&](size_t, const Json& token) { tokens.push_back(read_token(token)); });
  return tokens;
}

// The class that transformers takes for a model type, of those that are read here.
std::string class_of_model_type(std::string_view type) {
  constexpr std::pair<std::string_view, const char*> kClasses[] = {
      {"t5", "T5Tokenizer"},           {"mt5", "T5Tokenizer"},
      {"byt5", "ByT5Tokenizer"},       {"marian", "MarianTokenizer"},
      {"m2m_100", "M2M100Tokenizer"},  {"mbart", "MBartTokenizer"},
      {"mbart50", "MBart50Tokenizer"}, {"nllb", "NllbTokenizer"},
      {"nllb-moe", "NllbTokenizer"},   {"pegasus", "PegasusTokenizer"},
      {"fsmt", "FSMTTokenizer"}};
  for (const auto& [name, kind] : kClasses) {
    if (name == type) return kind;
  }
  return {};
}

}  // namespace

FamilyConfig::FamilyConfig(const fs::path& folder)
    : document_(load_if_there(folder / "tokenizer_config.json")) {
  if (document_) {
    const Json root = document_->root();
    read_map(root);
    extra_ = read_list(root.find("extra_special_tokens"));
    if (extra_.empty()) extra_ = read_list(root.find("additional_special_tokens"));
    read_added();
  }
  const bool lists_added = document_ && document_->root().find("added_tokens_decoder");
  if (const auto map = load_if_there(folder / "special_tokens_map.json"); map && !lists_added) {
    read_map(map->root());
    mapped_extra_ = read_list(map->root().find("additional_special_tokens"));
  }
  read_class(folder);
}

void FamilyConfig::read_map(const Json& map) {
  check(map.is_object(), ErrorCode::bad_data, "{}: expected an object", map);
  map.each_member([&](std::string_view key, const Json& value) {
    if (std::find(std::begin(kSpecialAttributes), std::end(kSpecialAttributes), key) ==
        std::end(kSpecialAttributes)) {
      return;
    }
    Named named;
    if (!value.is_null()) {
      named.token = read_token(value);
      named.is_string = value.is_string();
    }
    named_.insert_or_assign(std::string(key), named);
  });
}

void FamilyConfig::read_added() {
  const auto tokens = document_->root().find("added_tokens_decoder");
  if (!tokens) return;
  tokens->each_member([&](std::string_view key, const Json& value) {
    int64_t id = -1;
    if (!key.empty() && key.size() < 10 &&
        std::all_of(key.begin(), key.end(), [](char c) { return c >= '0' && c <= '9'; })) {
      id = std::stoll(std::string(key));
    }
    check(id >= 0, ErrorCode::bad_data, "{}: key \"{}\", expected an id", *tokens, key);
    AddedToken token = read_token(value);
    token.special = value.get("special", false);
    added_.insert_or_assign(static_cast<Token>(id), std::move(token));
  });
  for (auto& [attribute, named] : named_) {  // a name refers to the token that is listed
    if (!named.token) continue;
    for (const auto& [id, token] : added_) {
      if (token.content == named.token->content) named = {token, false};
    }
  }
}

void FamilyConfig::read_class(const fs::path& folder) {
  tokenizer_class_ = text("tokenizer_class", "");
  if (const auto config = load_if_there(folder / "config.json"); config) {
    if (tokenizer_class_.empty()) tokenizer_class_ = config->root().get("tokenizer_class", "");
    if (tokenizer_class_.empty()) {
      tokenizer_class_ = class_of_model_type(config->root().get("model_type", ""));
    }
  }
  if (tokenizer_class_.ends_with("Fast")) tokenizer_class_.resize(tokenizer_class_.size() - 4);
}

std::optional<AddedToken> FamilyConfig::named(std::string_view attribute,
                                              std::optional<std::string_view> otherwise,
                                              const AddedToken& flags) const {
  AddedToken token = flags;
  const auto given = named_.find(attribute);
  if (given == named_.end()) {
    if (!otherwise) return std::nullopt;
    token.content = *otherwise;
    return token;
  }
  if (!given->second.token) return std::nullopt;
  if (!given->second.is_string) return given->second.token;
  token.content = given->second.token->content;
  return token;
}

std::string FamilyConfig::text(std::string_view key, const char* otherwise) const {
  if (!document_) return otherwise;
  const auto value = document_->root().find(key);
  return value ? std::string(value->as_string()) : otherwise;
}

bool FamilyConfig::is_null(std::string_view key) const {
  bool is_null = false;
  if (document_) {
    document_->root().each_member([&](std::string_view name, const Json& value) {
      is_null = is_null || (name == key && value.is_null());
    });
  }
  return is_null;
}

bool FamilyConfig::flag(std::string_view key, bool otherwise) const {
  return document_ ? document_->root().get(key, otherwise) : otherwise;
}

int FamilyConfig::number(std::string_view key, int otherwise, int least, int most) const {
  if (!document_) return otherwise;
  const auto value = document_->root().find(key);
  return value ? static_cast<int>(value->as_int(least, most)) : otherwise;
}

}  // namespace transept
