#include <fmt/format.h>

#include <chrono>

#include "api/implementation.h"
#include "base/error.h"
#include "base/sha256.h"
#include "io/memory_file.h"
#include "io/shortlist_file.h"
#include "io/tasks.h"
#include "model/encoder.h"
#include "trace/recorder.h"

namespace transept::api {
namespace {

long long now_nanoseconds() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

// M2M100, NLLB and mBART begin their output with the code of the language: the folder's own, unless
// the caller names one.
void force_language(transept::GenerateOptions& options, const transept::Tokenizer* tokenizer,
                    const std::string& language) {
  if (language.empty()) return;
  check(tokenizer != nullptr, ErrorCode::usage,
        "target language {}: the model folder has no tokenizer to look it up in", language);
  std::optional<Token> code = tokenizer->find(language);
  if (!code) code = tokenizer->find("__" + language + "__");
  check(code.has_value(), ErrorCode::usage,
        "target language {}: the tokenizer has no such code; spell it as the model does", language);
  options.forced_bos = *code;
}

}  // namespace

std::string version() {
  return TRANSEPT_VERSION;
}

Stopwatch::Stopwatch() : started_(now_nanoseconds()) {}

double Stopwatch::seconds() const {
  return static_cast<double>(now_nanoseconds() - started_) * 1e-9;
}

const transept::Tokenizer& Model::Implementation::text() const {
  check(tokenizer != nullptr, ErrorCode::not_found,
        "{}: the folder has no tokenizer files; give token ids (--source-ids, --prompt-ids)",
        checkpoint.folder.string());
  return *tokenizer->tokenizer;
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
  model->checkpoint = load_checkpoint(folder, *model->pool, {.storage = storage, .keys = keys});
  try {
    auto tokenizer = std::make_shared<Tokenizer::Implementation>();
    tokenizer->tokenizer =
        load_tokenizer(folder, {.normalize_punctuation = options.normalize_punctuation,
                                .source_language = options.source_language,
                                .target_language = options.target_language});
    model->tokenizer = std::move(tokenizer);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) throw;  // a folder without: token ids still work
  }
  model->defaults =
      options_from_json(model->checkpoint.config_json, model->checkpoint.generation_config_json);
  force_language(model->defaults, model->tokenizer ? model->tokenizer->tokenizer.get() : nullptr,
                 options.target_language);
  model->count({.load_seconds = watch.seconds()});
  return Model(std::move(model));
}

Memory Model::encode(std::string_view text, const std::stop_token& stop) const {
  const Memory memory = encode(implementation_->text().encode(text).ids, stop);
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
  ShortlistVocabulary vocabulary{
      .n_sources = config.encoder.vocab,
      .n_targets = config.decoder.vocab,
      .find = [this](std::string_view piece) { return implementation_->text().find(piece); }};
  auto shortlist = std::make_shared<const transept::Shortlist>(
      transept::load_shortlist(path, vocabulary, {.first = limits.first, .best = limits.best}));
  return Shortlist(std::make_shared<const Shortlist::Implementation>(
      Shortlist::Implementation{std::move(shortlist)}));
}

Explanation Model::explain(const Memory& memory, const ExplainOptions& options) const {
  check(options.prompt.empty() || options.prompt_ids.empty(), ErrorCode::usage,
        "explain: give the prompt as text or as ids, not both");
  const std::vector<Token> prompt =
      options.prompt_ids.empty() ? prompt_ids(options.prompt) : options.prompt_ids;
  Workspace work(*implementation_, options.stop);
  const transept::Tokenizer* tokenizer =
      implementation_->tokenizer ? implementation_->tokenizer->tokenizer.get() : nullptr;
  Explanation explanation =
      trace(work.context, implementation_->model(), inner(memory), implementation_->defaults,
            prompt, {.steps = options.steps, .top = options.top, .tokenizer = tokenizer});
  explanation.model = implementation_->checkpoint.folder.filename().string();
  explanation.input_text = options.input;
  explanation.prompt_text = options.prompt;
  explanation.encoder_runs = memory.empty() || memory.implementation()->loaded ? 0 : 1;
  return explanation;
}

std::vector<std::string> Model::prompts() const {
  return decoder_prompts(named_tasks(implementation_->checkpoint.config_json));
}

bool Model::has_encoder() const {
  return implementation_->config().has_encoder();
}

bool Model::has_decoder() const {
  return implementation_->config().has_decoder();
}

bool Model::has_tokenizer() const {
  return implementation_->tokenizer != nullptr;
}

Tokenizer Model::tokenizer() const {
  (void)implementation_->text();  // Error if there is none
  return Tokenizer(implementation_->tokenizer);
}

std::vector<Token> Model::prompt_ids(std::string_view prompt) const {
  if (prompt.empty()) return {};
  return implementation_->text().encode(prompt, {.special_tokens = false, .target_side = true}).ids;
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
