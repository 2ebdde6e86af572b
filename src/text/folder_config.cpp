#include "text/folder_config.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace transept {
namespace {

constexpr const char* kNamed[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                  "pad_token", "cls_token", "mask_token"};

std::optional<JsonDocument> open(const std::filesystem::path& path) {
  if (!file_exists(path)) return std::nullopt;
  JsonDocument document = JsonDocument::load(path.string());
  check(document.root().is_object(), ErrorCode::bad_data, "{}: expected an object", path.string());
  return document;
}

std::optional<bool> flag(const Json& json, const char* key) {
  const std::optional<Json> value = json.find(key);
  return value ? std::optional(value->as_bool()) : std::nullopt;
}

// "</s>", or {"content": "</s>", "lstrip": …}
AddedToken special_token(const Json& json) {
  AddedToken token;
  if (json.is_string()) {
    token.content = json.as_string();
  } else {
    token = read_added_token(json);
  }
  token.special = true;
  return token;
}

void read_named(const Json& json, FolderConfig& config) {
  for (const char* name : kNamed) {
    if (const std::optional<Json> token = json.find(name)) {
      config.named[name] = special_token(*token);
    }
  }
  for (const char* list : {"additional_special_tokens", "extra_special_tokens"}) {
    const std::optional<Json> tokens = json.find(list);
    if (!tokens || !tokens->is_array()) continue;
    tokens->each_element(
        [&](size_t, const Json& token) { config.added.push_back(special_token(token)); });
  }
}

void read_tokenizer_config(const Json& json, FolderConfig& config) {
  config.tokenizer_class = json.get("tokenizer_class", "");
  config.clean_up_spaces = json.get("clean_up_tokenization_spaces", false);
  config.clean_up_spaces_even_bpe =
      json.get("clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output", false);
  config.lowercase = flag(json, "do_lower_case");
  config.strip_accents = flag(json, "strip_accents");
  config.chinese_chars = flag(json, "tokenize_chinese_chars");
  config.add_prefix_space = flag(json, "add_prefix_space");
  config.trim_offsets = flag(json, "trim_offsets");
  config.add_bos = json.get("add_bos_token", false);
  config.add_eos = json.get("add_eos_token", false);
  config.legacy_language_marks = json.get("legacy_behaviour", false);
  config.source_language = json.get("src_lang", "");
  if (const std::optional<Json> added = json.find("added_tokens_decoder")) {
    added->each_member([&](std::string_view, const Json& token) {
      config.added.push_back(read_added_token(token));
    });
  }
  read_named(json, config);
}

}  // namespace

FolderConfig read_folder_config(const std::filesystem::path& folder) {
  FolderConfig config;
  if (const auto file = open(folder / "config.json")) {
    config.model_type = file->root().get("model_type", "");
    config.tokenizer_class = file->root().get("tokenizer_class", "");
  }
  if (const auto file = open(folder / "tokenizer_config.json")) {
    const std::string fallback = config.tokenizer_class;
    read_tokenizer_config(file->root(), config);
    if (config.tokenizer_class.empty()) config.tokenizer_class = fallback;
  }
  if (config.added.empty()) {
    if (const auto file = open(folder / "special_tokens_map.json")) {
      read_named(file->root(), config);
    }
  }
  if (config.tokenizer_class.ends_with("Fast")) {
    config.tokenizer_class.resize(config.tokenizer_class.size() - 4);
  }
  return config;
}

}  // namespace transept
