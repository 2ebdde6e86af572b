#include "folder/loaded_model.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "folder/long_text.h"

namespace transept {
namespace {

// Normalising may make a text shorter; never by as much as this, but for white space.
constexpr size_t kShrinks = 4;
constexpr size_t kWhite = 16;  // times as much of that is read

size_t n_not_white(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return c != ' ' && c != '\t'; }));
}

}  // namespace

std::unique_ptr<LoadedModel> load_model(const std::filesystem::path& folder, ThreadPool& pool,
                                        const ModelOptions& options) {
  auto loaded = std::make_unique<LoadedModel>();
  loaded->checkpoint =
      load_checkpoint(folder, pool, {.storage = options.storage, .keys = options.keys});
  try {
    loaded->tokenizer =
        load_tokenizer(folder, {.normalize_punctuation = options.normalize_punctuation,
                                .source_language = {},
                                .target_language = {}});
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) throw;  // a folder without: token ids still work
  }
  const Checkpoint& checkpoint = loaded->checkpoint;
  loaded->defaults = options_from_json(checkpoint.config_json, checkpoint.generation_config_json);
  const std::vector<NamedTask> tasks = named_tasks(checkpoint.config_json);
  loaded->prompts = Prompts(tasks);
  loaded->languages = LanguageTable(loaded->tokenizer.get(), translations_of(tasks));
  for (const Translation& pair : options.translations) loaded->languages.add(pair);
  if (!options.languages_if_any || !loaded->languages.empty()) {
    (void)loaded->languages.direction(options.languages);  // an error now and not with each request
    loaded->usual_languages = options.languages;
  }
  return loaded;
}

const Tokenizer& LoadedModel::text() const {
  check(tokenizer != nullptr, ErrorCode::not_found,
        "{}: the folder has no tokenizer files; give token ids (--source-ids, --prompt-ids; over "
        "HTTP source_ids, prompt_ids)",
        [&] { return checkpoint.folder.string(); });
  return *tokenizer;
}

Direction LoadedModel::direction(const Languages& asked) const {
  Languages languages_wanted = usual_languages;
  if (!asked.source.empty()) languages_wanted.source = asked.source;
  if (!asked.target.empty()) languages_wanted.target = asked.target;
  return languages.direction(languages_wanted);
}

bool LoadedModel::fits_in_bytes(std::string_view text_given) const {
  const std::optional<size_t> most = max_source_bytes();
  return !most || text_given.size() <= *most ||
         (text_given.size() / kWhite <= *most && n_not_white(text_given) <= *most);
}

std::vector<Token> LoadedModel::source_ids(std::string_view text_given,
                                           const Direction& direction) const {
  check(fits_in_bytes(text_given), ErrorCode::limit,
        "the input has {} bytes, more than the model's {} positions take; shorten or split it",
        text_given.size(), max_source());
  check_text_size(text_given);
  const EncodeOptions options{.source_language = direction.codes.source,
                              .target_language = direction.codes.target};
  if (direction.prefix.empty()) return text().encode(text_given, options).ids;
  return text().encode(direction.prefix + std::string(text_given), options).ids;
}

std::vector<Token> LoadedModel::prompt_ids(const PromptText& prompt,
                                           const Direction& direction) const {
  std::string spelled = prompt.text;
  if (spelled.empty() && tokenizer == nullptr) return {};
  if (!prompt.any && spelled.empty()) spelled = direction.prompt;
  if (!prompt.any && spelled.empty()) spelled = prompts.usual();
  if (!prompt.any && !prompt.text.empty()) spelled = prompts.spelled(prompt.text);
  if (spelled.empty()) return {};
  check_text_size(spelled);
  return text().encode(spelled, {.special_tokens = false, .target_side = true}).ids;
}

std::vector<Token> LoadedModel::target_ids(std::string_view target, bool after_prompt,
                                           const Direction& direction) const {
  check_text_size(target);
  std::vector<Token> ids = text()
                               .encode(target, {.special_tokens = !after_prompt,
                                                .target_side = true,
                                                .source_language = direction.codes.source,
                                                .target_language = direction.codes.target})
                               .ids;
  if (after_prompt && !config().eos.empty()) ids.push_back(config().eos.front());
  return ids;
}

int LoadedModel::max_source() const {
  if (config().has_encoder()) return config().encoder.max_positions;
  return std::max(0, config().decoder.max_positions - 1);  // one has to be said
}

std::optional<size_t> LoadedModel::max_source_bytes() const {
  if (max_source() == 0 || tokenizer == nullptr) return std::nullopt;
  std::call_once(measured_, [&] {
    for (Token id = 0; id < tokenizer->size(); ++id)
      longest_piece_ = std::max(longest_piece_, tokenizer->piece(id).size());
  });
  return longest_piece_ * kShrinks * static_cast<size_t>(max_source());
}

bool LoadedModel::fits(std::string_view text_given, const Direction& direction) const {
  const int most = max_source();
  if (most == 0) return true;
  if (!fits_in_bytes(text_given)) return false;
  return source_ids(text_given, direction).size() <= static_cast<size_t>(most);
}

std::vector<std::string> LoadedModel::split(std::string_view text_given,
                                            const Direction& direction) const {
  if (fits(text_given, direction)) return {std::string(text_given)};
  return split_text(text_given, [&](std::string_view part) { return fits(part, direction); });
}

std::vector<Token> LoadedModel::cut_ids(std::string_view text_given,
                                        const Direction& direction) const {
  const auto most = static_cast<size_t>(max_source());
  if (most == 0) return source_ids(text_given, direction);
  size_t end = std::min(text_given.size(), *max_source_bytes());
  while (end > 0 && end < text_given.size() &&
         (static_cast<unsigned char>(text_given[end]) & 0xC0u) == 0x80u)
    --end;  // not inside a character
  text_given = text_given.substr(0, end);
  std::vector<Token> ids = source_ids(text_given, direction);
  if (ids.size() <= most) return ids;
  const std::string whole = direction.prefix + std::string(text_given);
  const size_t n_text = text().encode(whole, {.special_tokens = false}).ids.size();
  // The marks behind the text stay; those before it and its beginning fill the rest.
  Direction marks_alone;
  marks_alone.codes = direction.codes;
  const std::vector<Token> nothing = source_ids("", marks_alone);
  size_t behind = 0;
  while (behind < nothing.size() && behind + n_text < ids.size() &&
         nothing[nothing.size() - 1 - behind] == ids[ids.size() - 1 - behind])
    ++behind;
  if (behind < most)
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(most - behind),
              ids.end() - static_cast<std::ptrdiff_t>(behind));
  ids.resize(most);
  return ids;
}

}  // namespace transept
