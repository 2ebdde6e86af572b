#include <fmt/format.h>

#include <chrono>

#include "api/implementation.h"
#include "base/error.h"
#include "base/sha256.h"
#include "io/memory_file.h"
#include "io/shortlist_file.h"
#include "model/encoder.h"
#include "trace/recorder.h"

namespace transept::api {
namespace {

long long now_nanoseconds() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

}  // namespace

std::string version() {
  return TRANSEPT_VERSION;
}

Stopwatch::Stopwatch() : started_(now_nanoseconds()) {}

double Stopwatch::seconds() const {
  return static_cast<double>(now_nanoseconds() - started_) * 1e-9;
}

void Model::Implementation::count(const Stats& done) {
  const std::lock_guard lock(stats_mutex);
  stats.encoder_runs += done.encoder_runs;
  stats.source_tokens += done.source_tokens;
  stats.output_tokens += done.output_tokens;
  stats.load_seconds += done.load_seconds;
  stats.encode_seconds += done.encode_seconds;
  stats.decode_seconds += done.decode_seconds;
}

Model Model::load(const std::filesystem::path& folder, const LoadOptions& options) {
  const std::optional<Storage> storage = storage_named(options.dtype);
  const std::optional<Storage> keys = keys_named(options.keys);
  check(options.threads >= 0, ErrorCode::usage, "{} threads: expected 0 or more", options.threads);
  const Stopwatch watch;
  auto model = std::make_shared<Implementation>();
  model->pool = std::make_unique<ThreadPool>(options.threads);
  model->loaded = load_model(folder, *model->pool,
                             {.storage = storage,
                              .keys = keys,
                              .normalize_punctuation = options.normalize_punctuation,
                              .languages = languages_of(options)});
  model->count({.load_seconds = watch.seconds()});
  return Model(std::move(model));
}

Memory Model::encode(std::string_view text, const Languages& languages,
                     const std::stop_token& stop) const {
  const Memory memory = encode(source_ids(text, languages), stop);
  return outer(memory.implementation()->memory, sha256(text));
}

Memory Model::encode(std::span<const Token> ids, const std::stop_token& stop) const {
  check_source(ids);
  const Stopwatch watch;
  Workspace work(*implementation_, stop);
  const std::vector<Token> input(ids.begin(), ids.end());
  auto memories = encode_memories(work.context, implementation_->model(), std::span(&input, 1));
  implementation_->count({.encoder_runs = 1,
                          .source_tokens = static_cast<std::int64_t>(ids.size()),
                          .encode_seconds = watch.seconds()});
  return outer(std::move(memories.front()));
}

std::vector<Token> Model::source_ids(std::string_view text, const Languages& languages) const {
  const LoadedModel& loaded = *implementation_->loaded;
  return loaded.source_ids(text, loaded.direction(inner(languages)));
}

bool Model::fits(std::string_view text, const Languages& languages) const {
  const LoadedModel& loaded = *implementation_->loaded;
  return loaded.fits(text, loaded.direction(inner(languages)));
}

std::vector<std::string> Model::split(std::string_view text, const Languages& languages) const {
  const LoadedModel& loaded = *implementation_->loaded;
  return loaded.split(text, loaded.direction(inner(languages)));
}

std::vector<Token> Model::cut_source_ids(std::string_view text, const Languages& languages) const {
  const LoadedModel& loaded = *implementation_->loaded;
  return loaded.cut_ids(text, loaded.direction(inner(languages)));
}

int Model::max_source() const {
  return implementation_->loaded->max_source();
}

void Model::check_source(std::span<const Token> ids) const {
  transept::check_source(implementation_->config(), ids);
}

Memory Model::load_memory(const std::filesystem::path& path) const {
  const Stopwatch watch;
  Workspace work(*implementation_);
  Memory memory =
      outer(transept::load_memory(path, work.context, implementation_->model()), {}, true);
  implementation_->count({.source_tokens = memory.rows(), .load_seconds = watch.seconds()});
  return memory;
}

Shortlist Model::load_shortlist(const std::filesystem::path& path,
                                const ShortlistLimits& limits) const {
  const Config& config = implementation_->config();
  ShortlistVocabulary vocabulary{.n_sources = config.encoder.vocab,
                                 .n_targets = config.decoder.vocab,
                                 .find = [this](std::string_view piece) {
                                   return implementation_->loaded->text().find(piece);
                                 }};
  auto shortlist = std::make_shared<const transept::Shortlist>(
      transept::load_shortlist(path, vocabulary, {.first = limits.first, .best = limits.best}));
  return Shortlist(std::make_shared<const Shortlist::Implementation>(
      Shortlist::Implementation{std::move(shortlist)}));
}

Explanation Model::explain(const Memory& memory, const ExplainOptions& options) const {
  GenerateOptions asked;
  asked.prompt = options.prompt;
  asked.any_prompt = options.any_prompt;
  asked.prompt_ids = options.prompt_ids;
  asked.source_language = options.source_language;
  asked.target_language = options.target_language;
  const std::vector<Token> prompt = prompt_ids(asked);
  Workspace work(*implementation_, options.stop);
  Explanation explanation = trace(
      work.context, implementation_->model(), inner(memory), implementation_->search(asked), prompt,
      {.steps = options.steps, .top = options.top, .tokenizer = implementation_->tokenizer()});
  explanation.model = implementation_->loaded->checkpoint.folder.filename().string();
  explanation.input_text = options.input;
  explanation.prompt_text = options.prompt;
  explanation.encoder_runs = memory.empty() || memory.implementation()->loaded ? 0 : 1;
  return explanation;
}

std::vector<std::string> Model::prompts() const {
  return implementation_->loaded->prompts.all();
}

bool Model::has_encoder() const {
  return implementation_->config().has_encoder();
}

bool Model::has_decoder() const {
  return implementation_->config().has_decoder();
}

bool Model::has_tokenizer() const {
  return implementation_->tokenizer() != nullptr;
}

Tokenizer Model::tokenizer() const {
  (void)implementation_->loaded->text();  // Error if there is none
  // It lives as long as the model.
  return Tokenizer(std::make_shared<const Tokenizer::Implementation>(
      Tokenizer::Implementation{std::shared_ptr<const transept::Tokenizer>(
          implementation_->loaded, implementation_->tokenizer())}));
}

std::vector<Token> Model::prompt_ids(std::string_view prompt) const {
  return implementation_->loaded->prompt_ids({.text = std::string(prompt), .any = true});
}

std::vector<Token> Model::prompt_ids(const GenerateOptions& options) const {
  check(options.prompt.empty() || options.prompt_ids.empty(), ErrorCode::usage,
        "give the prompt as text or as ids, not both");
  if (!options.prompt_ids.empty()) return options.prompt_ids;
  const LoadedModel& loaded = *implementation_->loaded;
  return loaded.prompt_ids({.text = options.prompt, .any = options.any_prompt},
                           loaded.direction(languages_of(options)));
}

std::vector<std::string> Model::languages() const {
  return implementation_->loaded->languages.codes();
}

std::vector<Languages> Model::language_pairs() const {
  std::vector<Languages> pairs;
  for (const Translation& pair : implementation_->loaded->languages.pairs())
    pairs.push_back({pair.source, pair.target});
  return pairs;
}

bool Model::are_in_input(const Languages& languages) const {
  return implementation_->loaded->direction(inner(languages)).is_in_input();
}

std::string Model::family() const {
  return implementation_->config().family;
}

std::string Model::fingerprint() const {
  return implementation_->model().identity->fingerprint();
}

Stats Model::stats() const {
  const std::lock_guard lock(implementation_->stats_mutex);
  return implementation_->stats;
}

}  // namespace transept::api
