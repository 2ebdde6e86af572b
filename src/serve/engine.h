// Engine: one model and the one thread that computes with it. Requests are handed over from the I/O
// thread; everything that is being generated is stepped together (generate/scheduler.h), results go
// back to the I/O thread once per step. All other work – encoding, scoring, explaining – is a job.
// A job pauses (Context::on_pause) every few milliseconds, and half of the time belongs to others
// then: steps, and jobs that cost a quarter or less. Nothing is held up for longer than that.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "folder/loaded_model.h"
#include "generate/scheduler.h"
#include "serve/fair_queue.h"
#include "serve/loop.h"
#include "serve/options.h"
#include "text/tokenizer.h"

namespace transept::serve {

// One request that is being generated, as the I/O thread sees it.
struct Generation {
  Signal news;               // tokens or an end have come
  std::deque<Token> tokens;  // chosen, not yet taken by the stream
  bool finished = false;
  std::vector<Hypothesis> results;
  std::exception_ptr error;
  double started = 0;  // seconds of the steady clock: when it joined the batch, when it was done
  double ended = 0;
};

struct EngineCounters {
  Counters work;
  std::int64_t steps = 0;
  std::int64_t stepped_requests = 0;      // summed over the steps: batch sizes
  std::vector<std::int64_t> batch_sizes;  // steps by size of the batch: 1, 2, 4, … 2^n
  int waiting = 0;
  int active = 0;
};

struct EngineOptions {
  std::string name;
  std::filesystem::path folder;
  ModelOptions model;
  SchedulerOptions scheduler;
  int most_source_tokens = 0;  // where the model has no limit of its own
};

class Engine {
 public:
  // Loads the folder. The loop and the pool must outlive the engine.
  Engine(const EngineOptions& options, Loop& loop, ThreadPool& pool);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Immutable, for any thread.
  [[nodiscard]] const std::string& name() const { return options_.name; }
  [[nodiscard]] const LoadedModel& loaded() const { return *loaded_; }
  [[nodiscard]] const Transformer& model() const { return loaded_->model(); }
  [[nodiscard]] const Config& config() const { return loaded_->config(); }
  [[nodiscard]] const Tokenizer* tokenizer() const { return loaded_->tokenizer.get(); }
  [[nodiscard]] const Tokenizer& text() const;  // Error not_found if there is none
  [[nodiscard]] const GenerateOptions& defaults() const { return loaded_->defaults; }
  [[nodiscard]] const std::vector<std::string>& prompts() const { return loaded_->prompts.all(); }
  [[nodiscard]] const std::string& fingerprint() const { return fingerprint_; }
  [[nodiscard]] const std::string& tokenizer_hash() const { return tokenizer_hash_; }
  [[nodiscard]] std::int64_t loaded_at() const { return loaded_at_; }  // seconds since 1970

  // Whether the model, and this server, read such an input, or so many tokens on the decoder's
  // side, without running anything. Error limit, bad_data, unsupported.
  void check_source(std::span<const Token> source) const;
  void check_target(std::size_t tokens) const;
  [[nodiscard]] std::size_t most_source_tokens() const;  // of the encoder
  [[nodiscard]] std::size_t most_target_tokens() const;
  [[nodiscard]] std::size_t most_input_tokens() const;  // a decoder on its own continues its input

  // What the I/O thread may ask for. Each throws, or ends, when the scope does.
  Task<Memory> encode(Scope& scope, std::vector<Token> source);
  // f computes about so many rows. It is waited for to its end, which comes at its next pause when
  // the scope's does.
  Task<void> run(Scope& scope, std::function<void(Context&)> f, std::int64_t rows);
  // Wait on `news` within a scope; call stop() when the result is no longer wanted. Who does not
  // stream is woken once, at the end, and not at every token.
  [[nodiscard]] std::shared_ptr<Generation> start(Request request, bool streams);
  void stop(const std::shared_ptr<Generation>& generation);

  [[nodiscard]] EngineCounters counters() const;

 private:
  struct Job;
  using Jobs = std::vector<std::shared_ptr<Job>>;

  void start_job(const Scope& scope, const std::shared_ptr<Job>& job);
  Task<void> await_job(Scope& scope, std::shared_ptr<Job> job);
  void hand_over(std::function<void()> command);
  void work();
  [[nodiscard]] bool take_commands(bool wait);
  void release_memory();
  [[nodiscard]] Jobs next_jobs(std::int64_t most);
  void do_jobs(std::int64_t most);
  [[nodiscard]] double compute(const Jobs& jobs);
  void drop_job(const std::shared_ptr<Job>& job);
  void step();
  void add(const std::shared_ptr<Generation>& generation, Request request, bool streams);
  void fail_all(const std::exception_ptr& error);
  void tell(std::function<void()> news) { news_.push_back(std::move(news)); }
  void flush();

  EngineOptions options_;
  Loop& loop_;
  ThreadPool& pool_;
  std::unique_ptr<const LoadedModel> loaded_;
  std::string fingerprint_;
  std::string tokenizer_hash_;
  std::int64_t loaded_at_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::function<void()>> inbox_;  // under mutex_
  EngineCounters counters_;                   // under mutex_
  bool stopping_ = false;                     // under mutex_

  // The compute thread's own.
  Arena arena_;  // for jobs; what they take is given back in reverse
  std::unique_ptr<Scheduler> scheduler_;
  double lost_seconds_ = 0;  // decoding of schedulers that failed
  FairQueue<std::shared_ptr<Job>> jobs_;
  std::map<std::shared_ptr<Generation>, Scheduler::Id> generations_;
  std::vector<std::function<void()>> news_;  // for the I/O thread, handed over once per step
  Counters encoded_;
  std::thread thread_;
};

}  // namespace transept::serve
