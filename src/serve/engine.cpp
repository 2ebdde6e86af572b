#include "serve/engine.h"

#include <bit>
#include <chrono>
#include <ctime>

#include "base/buffer.h"
#include "base/hash.h"
#include "base/log.h"
#include "model/encoder.h"

namespace transept::serve {
namespace {

constexpr std::chrono::seconds kPause{1};  // without work, before memory is given back

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

struct Engine::Encode {
  std::vector<Token> source;
  std::shared_ptr<const std::atomic<bool>> unwanted;
  Signal done;
  Memory memory;
  std::exception_ptr error;
};

struct Engine::Run {
  std::function<void(Context&, const Step&)> f;
  std::shared_ptr<const std::atomic<bool>> unwanted;
  Signal done;
  std::exception_ptr error;
};

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

Task<Memory> Engine::encode(Scope& scope, std::vector<Token> source) {
  check_source(config(), source);
  const auto job = std::make_shared<Encode>();
  job->source = std::move(source);
  job->unwanted = scope.flag();
  hand_over([this, job] { encodes_.push_back(job); });
  co_await scope.wait(job->done);
  if (job->error) std::rethrow_exception(job->error);
  co_return job->memory;
}

Task<void> Engine::run(Scope& scope, std::function<void(Context&, const Step&)> f) {
  const auto job = std::make_shared<Run>();
  job->f = std::move(f);
  job->unwanted = scope.flag();
  hand_over([this, job] { runs_.push_back(job); });
  co_await job->done.wait();  // to the end: f may use the caller's locals
  scope.check();
  if (job->error) std::rethrow_exception(job->error);
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

void Engine::hand_over(std::function<void()> command) {
  {
    const std::lock_guard lock(mutex_);
    inbox_.push_back(std::move(command));
  }
  wake_.notify_one();
}

void Engine::work() {
  for (;;) {
    const bool idle = scheduler_->idle() && encodes_.empty() && runs_.empty();
    take_commands(idle);
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    if (!runs_.empty()) {
      const std::shared_ptr<Run> job = runs_.front();
      runs_.pop_front();
      try {
        const Arena::Frame frame(arena_);
        Context context{arena_, pool_, chosen_kernels()};
        const Step next = [&] {
          take_commands(false);
          step();
          return !job->unwanted->load();
        };
        if (!job->unwanted->load()) job->f(context, next);
      } catch (...) {
        job->error = std::current_exception();
      }
      tell([job] { job->done.notify(); });
    }
    step();
  }
}

void Engine::take_commands(bool wait) {
  std::vector<std::function<void()>> commands;
  {
    std::unique_lock lock(mutex_);
    const auto called = [&] { return stopping_ || !inbox_.empty(); };
    if (wait && !wake_.wait_for(lock, kPause, called)) {
      lock.unlock();
      release_memory();
      lock.lock();
      wake_.wait(lock, called);
    }
    commands.swap(inbox_);
  }
  for (const auto& command : commands) command();
}

// What a busy time needed and a quiet one does not: scratch, and what the heap keeps in case it is
// asked again.
void Engine::release_memory() {
  arena_.release();
  scheduler_->release_scratch();
  trim_heap();
}

// Encodes a batch of what waits, then one decoding step for all. What fails here fails for all.
void Engine::step() {
  try {
    encode_some();
    const int active = scheduler_->n_active();
    const bool stepped = scheduler_->tick();
    const std::lock_guard lock(mutex_);
    if (stepped) {
      const auto size = static_cast<unsigned>(std::max(active, 1));
      ++counters_.steps;
      counters_.stepped_requests += size;
      const auto bucket = static_cast<size_t>(std::bit_width(size - 1));
      ++counters_.batch_sizes[std::min(bucket, counters_.batch_sizes.size() - 1)];
    }
    counters_.waiting = scheduler_->n_waiting() + static_cast<int>(encodes_.size());
    counters_.active = scheduler_->n_active();
    counters_.work = encoded_;  // the scheduler is given memories: it only decodes
    counters_.work.decode_seconds = lost_seconds_ + scheduler_->counters().decode_seconds;
  } catch (...) {
    fail_all(std::current_exception());
  }
  flush();
}

void Engine::encode_some() {
  std::vector<std::shared_ptr<Encode>> batch;
  std::vector<std::vector<Token>> sources;
  size_t rows = 0;
  while (!encodes_.empty()) {
    const std::shared_ptr<Encode> job = encodes_.front();
    if (!job->unwanted->load()) {
      rows += job->source.size();
      if (!batch.empty() && rows > static_cast<size_t>(options_.scheduler.max_encode_rows)) break;
      batch.push_back(job);
      sources.push_back(job->source);
    }
    encodes_.pop_front();
  }
  if (batch.empty()) return;
  const double begin = now_seconds();
  try {
    const Arena::Frame frame(arena_);
    Context context{arena_, pool_, chosen_kernels()};
    std::vector<Memory> memories = encode_memories(context, model(), sources);
    for (size_t i = 0; i < batch.size(); ++i) {
      batch[i]->memory = std::move(memories[i]);
      encoded_.source_tokens += static_cast<std::int64_t>(sources[i].size());
    }
    encoded_.encoder_runs += static_cast<std::int64_t>(batch.size());
  } catch (...) {
    for (const auto& job : batch) job->error = std::current_exception();
  }
  encoded_.encode_seconds += now_seconds() - begin;
  for (const auto& job : batch) tell([job] { job->done.notify(); });
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

// A step that throws (out of memory) leaves no session in a known state: all get the error.
void Engine::fail_all(const std::exception_ptr& error) {
  for (const auto& [generation, id] : generations_) {
    tell([generation = generation, error] {
      generation->error = error;
      generation->finished = true;
      generation->news.notify();
    });
  }
  generations_.clear();
  lost_seconds_ += scheduler_->counters().decode_seconds;
  scheduler_ = std::make_unique<Scheduler>(model(), pool_, options_.scheduler);
}

void Engine::flush() {
  if (news_.empty()) return;
  const auto shared = std::make_shared<std::vector<std::function<void()>>>(std::move(news_));
  news_.clear();
  loop_.post([shared] {
    for (const auto& news : *shared) news();
  });
}

}  // namespace transept::serve
