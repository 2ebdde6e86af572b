// Scheduler: many requests, one ragged batch per tick. Prompts, single steps and beams mix freely;
// requests join and leave at any tick. What a request gets never depends on its neighbours, on the
// order of arrival or on the number of threads.
//
// Rows of a tick are shared out fairly (shares.h): first among owners, then among the requests of
// each. A request that wants more than its share – a long prompt, many beams – is fed in parts and
// goes on when all of them are: the share decides who steps when, never what comes out.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <vector>

#include "generate/session.h"
#include "generate/step.h"
#include "model/weights.h"
#include "ops/context.h"

namespace transept {

struct SchedulerOptions {
  // Decoded together. An owner may always have its part of them, also where others had the rest
  // before it came.
  int max_requests = 32;
  int max_rows = 4096;          // decoder rows per tick
  int max_request_rows = 4096;  // and of one that is not alone (guesses are never divided)
  int max_encode_rows = 4096;   // source tokens encoded per tick, unless one input alone is longer
  size_t cache_bytes = size_t{64} << 20;  // Memories kept for equal inputs that wait
  std::function<void()> on_pause = {};    // between the pieces of a tick, see Context::on_pause
};

struct Request {
  std::vector<Token> source;  // encoded, unless `memory` is given
  Memory memory;
  std::vector<Token> prompt;  // without the start token
  GenerateOptions options;
  uint64_t owner = 0;    // for whom: owners share alike, however many requests each has
  std::stop_token stop;  // asked for, the request leaves without a further callback
  std::function<void(Token)> on_token;  // as they come, for a single hypothesis; see certain()
  std::function<void(std::vector<Hypothesis>)> on_finished;
};

struct Counters {
  int64_t encoder_runs = 0;   // inputs encoded
  int64_t source_tokens = 0;  // encoded
  int64_t output_tokens = 0;  // of finished hypotheses
  int64_t decoder_rows = 0;   // fed
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
  // One round: admit, encode, one decoder pass, deliver. False if there was nothing to do. If it
  // throws, the requests that were being computed are gone, without a callback; the others stay.
  bool tick();
  void run() {
    while (tick()) {
    }
  }

  // Gives back the scratch memory that the largest step needed; the next one asks for its own.
  void release_scratch() { arena_.release(); }

  [[nodiscard]] bool idle() const { return n_waiting_ == 0 && active_.empty(); }
  [[nodiscard]] int n_waiting() const { return n_waiting_; }
  [[nodiscard]] int n_active() const { return static_cast<int>(active_.size()); }
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  struct Waiting {
    Id id;
    Request request;
  };
  struct Active {
    Id id;
    uint64_t owner = 0;
    std::stop_token stop;
    std::unique_ptr<Session> session;
    std::function<void(Token)> on_token;
    std::function<void(std::vector<Hypothesis>)> on_finished;
    std::vector<StepRow> rows;  // of its present step
    size_t fed = 0;             // so many of them have been read
    int64_t served = 0;         // rows that it got, to know whose turn it is
    size_t streamed = 0;
    bool encoded_here = false;  // its Memory is that of its source ids encoded in one piece
    bool cancelled = false;
    bool in_step = false;  // some of its rows are being computed

    [[nodiscard]] int wants() const;  // rows that its step still lacks
    [[nodiscard]] bool is_unwanted() const { return cancelled || stop.stop_requested(); }
  };
  struct Owner {
    std::deque<Waiting> waiting;  // oldest first
    int places = 0;               // of its requests that are decoded
    int64_t served = 0;           // rows
  };
  struct Place {  // for a request that waits
    uint64_t owner;
    const Request* request;
  };
  struct Cached {
    Memory memory;    // empty until encoded
    int waiting = 0;  // requests with this source
  };

  void drop_unwanted();
  void admit();
  [[nodiscard]] std::vector<Place> next_places() const;
  [[nodiscard]] bool encode_missing(const std::vector<Place>& places);
  [[nodiscard]] Memory find_memory(const Request& request) const;
  void activate(Waiting waiting, Memory memory);
  void forget(const Request& request);  // it no longer waits
  void trim_cache();
  void begin_steps();
  [[nodiscard]] std::vector<int> share_rows();
  [[nodiscard]] std::vector<StepRow> pick_rows();
  [[nodiscard]] static std::vector<StepRow> next_rows(Active& active, int share);
  void step();
  void deliver();
  void retire(const Active& active);
  [[nodiscard]] bool run_wanted(const std::vector<std::stop_token>& stops,
                                const std::function<void()>& f);

  const Transformer& model_;
  SchedulerOptions options_;
  Arena arena_;
  Context context_;
  Counters counters_;
  Id next_id_ = 1;
  int n_waiting_ = 0;
  std::map<uint64_t, Owner> owners_;            // who wait or are decoded
  std::vector<Active> active_;                  // oldest first
  std::map<std::vector<Token>, Cached> cache_;  // by source, of waiting requests
};

}  // namespace transept
