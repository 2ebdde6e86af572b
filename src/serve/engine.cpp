#include "serve/engine.h"

#include <ctime>

#include "base/hash.h"
#include "base/log.h"
#include "model/encoder.h"

namespace transept::serve {
namespace {

// Of every piece: two tokenizers with one hash read the same ids as the same text, wherever their
// files are.
std::string hash_of(const Tokenizer* tokenizer) {
  Hasher hash;
  if (tokenizer == nullptr) return hash.hex();
  for (Token id = 0; id < tokenizer->size(); ++id) {
    hash.add(tokenizer->piece(id));
    hash.add(tokenizer->is_special(id) ? "\n*" : "\n");
  }
  return hash.hex();
}

}  // namespace

Engine::Engine(const EngineOptions& options, Loop& loop, ThreadPool& pool)
    : options_(options), loop_(loop), pool_(pool), loaded_at_(std::time(nullptr)) {
  loaded_ = load_model(options.folder, pool, options.model);
  check(config().has_decoder(), ErrorCode::unsupported,
        "{}: an encoder on its own generates nothing; serve a model that has a decoder",
        options.folder.string());
  fingerprint_ = model().identity->fingerprint();
  tokenizer_hash_ = hash_of(tokenizer());
  counters_.batch_sizes.resize(12);
  scheduler_ = std::make_unique<Scheduler>(model(), pool_, options_.scheduler);
  thread_ = std::thread([this] { work(); });
}

Engine::~Engine() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

const Tokenizer& Engine::text() const {
  check(tokenizer() != nullptr, ErrorCode::not_found,
        "model {} has no tokenizer; give token ids instead of text", name());
  return *tokenizer();
}

size_t Engine::most_source_tokens() const {
  const int own = config().encoder.max_positions;
  return static_cast<size_t>(own > 0 ? own : options_.most_source_tokens);
}

size_t Engine::most_target_tokens() const {
  const int own = config().decoder.max_positions;
  return static_cast<size_t>(own > 0 ? own : options_.most_source_tokens);
}

size_t Engine::most_input_tokens() const {
  return config().has_encoder() ? most_source_tokens() : most_target_tokens();
}

void Engine::check_source(std::span<const Token> source) const {
  check(!config().has_encoder() || config().encoder.max_positions > 0 ||
            source.size() <= most_source_tokens(),
        ErrorCode::limit,
        "the input has {} tokens, this server reads {} at most (--max-source-tokens); shorten or "
        "split it",
        source.size(), most_source_tokens());
  transept::check_source(config(), source);
}

void Engine::check_target(size_t tokens) const {
  check(tokens <= most_target_tokens() + 1, ErrorCode::limit,  // the last one is never fed
        "{} tokens for the decoder, it reads {} at most here; shorten the prompt or the output",
        tokens, most_target_tokens());
}

std::shared_ptr<Generation> Engine::start(Request request, bool streams) {
  auto generation = std::make_shared<Generation>();
  const auto shared = std::make_shared<Request>(std::move(request));
  hand_over([=, this] { add(generation, std::move(*shared), streams); });
  return generation;
}

void Engine::stop(const std::shared_ptr<Generation>& generation) {
  hand_over([this, generation] {
    const auto found = generations_.find(generation);
    if (found == generations_.end()) return;
    scheduler_->cancel(found->second);
    generations_.erase(found);
  });
}

EngineCounters Engine::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

void Engine::add(const std::shared_ptr<Generation>& generation, Request request, bool streams) {
  if (streams)
    request.on_token = [this, generation](Token token) {
      tell([generation, token] {
        generation->tokens.push_back(token);
        generation->news.notify();
      });
    };
  request.on_finished = [this, generation](std::vector<Hypothesis> results) {
    generations_.erase(generation);
    const auto shared = std::make_shared<std::vector<Hypothesis>>(std::move(results));
    tell([generation, shared, ended = now_seconds()] {
      generation->results = std::move(*shared);
      generation->ended = ended;
      generation->finished = true;
      generation->news.notify();
    });
  };
  const double started = now_seconds();
  try {
    generations_[generation] = scheduler_->add(std::move(request));
    tell([generation, started] { generation->started = started; });
  } catch (...) {
    generations_.erase(generation);
    tell([generation, error = std::current_exception()] {
      generation->error = error;
      generation->finished = true;
      generation->news.notify();
    });
  }
}

}  // namespace transept::serve
