// Scheduler: many requests, one ragged batch per tick. Prompts, single steps and beams mix freely;
// requests join and leave at any tick. What a request gets never depends on its neighbours, on the
// order of arrival or on the number of threads.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "generate/session.h"
#include "generate/step.h"
#include "model/weights.h"
#include "ops/context.h"

namespace transept {

struct SchedulerOptions {
  int max_requests = 32;       // decoded together
  int max_rows = 4096;         // decoder rows per tick, unless one request alone wants more
  int max_encode_rows = 4096;  // source tokens encoded per tick, unless one input alone is longer
  size_t cache_bytes = size_t{64} << 20;  // Memories kept for equal inputs that wait
};

struct Request {
  std::vector<Token> source;  // encoded, unless `memory` is given
  Memory memory;
  std::vector<Token> prompt;  // without the start token
  GenerateOptions options;
  std::function<void(Token)> on_token;  // as they come, for a single hypothesis; see certain()
  std::function<void(std::vector<Hypothesis>)> on_finished;
};

struct Counters {
  int64_t encoder_runs = 0;   // inputs encoded
  int64_t source_tokens = 0;  // encoded
  int64_t output_tokens = 0;  // of finished hypotheses
  double encode_seconds = 0;
  double decode_seconds = 0;
};

class Scheduler {
 public:
  using Id = uint64_t;

  // The model and the pool must outlive the scheduler.
  Scheduler(const Transformer& model, ThreadPool& pool, const SchedulerOptions& options = {},
            const KernelTable& kernels = chosen_kernels());
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Error, now and never later, if the request is wrong: options, tokens, lengths, the Memory of
  // another model.
  Id add(Request request);
  // The request gets no further callbacks. False if it is unknown, perhaps because it is done.
  bool cancel(Id id);
  // One round: admit, encode, one decoder pass, deliver. False if there was nothing to do.
  bool tick();
  void run() {
    while (tick()) {
    }
  }

  // Gives back the scratch memory that the largest step needed; the next one asks for its own.
  void release_scratch() { arena_.release(); }

  [[nodiscard]] bool idle() const { return waiting_.empty() && active_.empty(); }
  [[nodiscard]] int n_waiting() const { return static_cast<int>(waiting_.size()); }
  [[nodiscard]] int n_active() const { return static_cast<int>(active_.size()); }
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  struct Waiting {
    Id id;
    Request request;
  };
  struct Active {
    Id id;
    std::unique_ptr<Session> session;
    std::function<void(Token)> on_token;
    std::function<void(std::vector<Hypothesis>)> on_finished;
    size_t streamed = 0;
    bool encoded_here = false;  // its Memory is that of its source ids encoded in one piece
    bool cancelled = false;
  };
  struct Cached {
    Memory memory;    // empty until encoded
    int waiting = 0;  // requests with this source
  };

  void admit();
  void encode_missing(size_t n_candidates);
  [[nodiscard]] Memory find_memory(const Request& request) const;
  void activate(Waiting waiting, Memory memory);
  void forget(const Request& request);  // it no longer waits
  void trim_cache();
  [[nodiscard]] std::vector<StepRow> pick_rows();
  void deliver();

  const Transformer& model_;
  SchedulerOptions options_;
  Arena arena_;
  Context context_;
  Counters counters_;
  Id next_id_ = 1;
  std::deque<Waiting> waiting_;
  std::vector<Active> active_;                  // oldest first
  std::map<std::vector<Token>, Cached> cache_;  // by source, of waiting requests
};

}  // namespace transept
