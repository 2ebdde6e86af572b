// The compute thread's half of the Engine.
#include <bit>
#include <chrono>

#include "base/buffer.h"
#include "base/stop.h"
#include "model/encoder.h"
#include "serve/engine.h"

namespace transept::serve {
namespace {

constexpr std::chrono::seconds kPause{1};  // without work, before memory is given back
// Inputs of so many tokens in all are encoded together. More would hardly be faster, and a longer
// one is by itself: it is ended as soon as nobody wants it.
constexpr std::int64_t kBatchRows = 256;
// In a job's pauses others are done that cost at most this part of it, so that what is short does
// not wait for what is long.
constexpr std::int64_t kPart = 4;

}  // namespace

struct Engine::Job {
  std::int64_t rows = 0;
  std::function<void(Context&)> f;  // or, if there is none,
  std::vector<Token> source;        // what is encoded
  std::uint64_t owner = 0;
  std::stop_token stop;
  Signal done;
  Memory memory;
  std::exception_ptr error;
};

Task<Memory> Engine::encode(Scope& scope, std::vector<Token> source) {
  check_source(source);
  const auto job = std::make_shared<Job>();
  job->rows = static_cast<std::int64_t>(source.size());
  job->source = std::move(source);
  start_job(scope, job);
  co_await await_job(scope, job);
  scope.check();
  if (job->error) std::rethrow_exception(job->error);
  co_return job->memory;
}

Task<void> Engine::run(Scope& scope, std::function<void(Context&)> f, std::int64_t rows) {
  const auto job = std::make_shared<Job>();
  job->rows = std::max(rows, std::int64_t{1});
  job->f = std::move(f);
  start_job(scope, job);
  co_await await_job(scope, job);
  co_await job->done.wait();  // to the end: f may use the caller's locals
  scope.check();
  if (job->error) std::rethrow_exception(job->error);
}

// Until it is done, or until the scope ends: then it is dropped, as soon as it pauses.
Task<void> Engine::await_job(Scope& scope, std::shared_ptr<Job> job) {
  bool ended = false;
  try {
    co_await scope.wait(job->done);
  } catch (const Error&) {
    ended = true;
  }
  if (ended) hand_over([this, job] { drop_job(job); });
}

void Engine::start_job(const Scope& scope, const std::shared_ptr<Job>& job) {
  job->owner = scope.owner;
  job->stop = scope.stop();
  hand_over([this, job] { jobs_.push(job->owner, job->rows, job); });
}

// Its scope has ended: it leaves the queue, or, if it is being done, at its next pause.
void Engine::drop_job(const std::shared_ptr<Job>& job) {
  jobs_.erase_if([&](const std::shared_ptr<Job>& other) {
    if (other == job) tell([job] { job->done.notify(); });
    return other == job;
  });
}

void Engine::hand_over(std::function<void()> command) {
  {
    const std::lock_guard lock(mutex_);
    inbox_.push_back(std::move(command));
  }
  wake_.notify_one();
}

void Engine::work() {
  while (take_commands(scheduler_->idle() && jobs_.empty())) {
    do_jobs(std::numeric_limits<std::int64_t>::max());
    step();
    flush();
  }
}

// False when the engine is to end.
bool Engine::take_commands(bool wait) {
  std::vector<std::function<void()>> commands;
  bool stopping = false;
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
    stopping = stopping_;
  }
  for (const auto& command : commands) command();
  return !stopping;
}

// What a busy time needed and a quiet one does not: scratch, and what the heap keeps in case it is
// asked again.
void Engine::release_memory() {
  arena_.release();
  scheduler_->release_scratch();
  trim_heap();
}

// One job, or several short inputs to be encoded together, of at most so many rows.
Engine::Jobs Engine::next_jobs(std::int64_t most) {
  Jobs jobs;
  const auto first = jobs_.pop([&](const auto& job) { return job->rows <= most; });
  if (!first) return jobs;
  jobs.push_back(*first);
  std::int64_t room = std::min(most, kBatchRows) - (*first)->rows;
  if ((*first)->f) return jobs;
  while (const auto next =
             jobs_.pop([&](const auto& job) { return !job->f && job->rows <= room; })) {
    jobs.push_back(*next);
    room -= (*next)->rows;
  }
  return jobs;
}

void Engine::do_jobs(std::int64_t most) {
  const Jobs jobs = next_jobs(most);
  if (jobs.empty()) return;
  const bool encodes = !jobs.front()->f;
  const double begin = now_seconds();
  double others = 0;
  try {
    others = compute(jobs);
  } catch (...) {
    for (const auto& job : jobs) job->error = std::current_exception();
  }
  if (encodes) encoded_.encode_seconds += now_seconds() - begin - others;
  for (const auto& job : jobs) tell([job] { job->done.notify(); });
}

// The seconds that others had meanwhile.
double Engine::compute(const Jobs& jobs) {
  std::int64_t rows = 0;
  for (const auto& job : jobs) rows += job->rows;
  double resumed = now_seconds();
  double last = 0;  // seconds of the others' last turn
  double others = 0;
  const std::function<void()> pause = [&] {
    if (std::ranges::all_of(jobs, [](const auto& job) { return job->stop.stop_requested(); }))
      throw Stopped();
    const double begin = now_seconds();
    if (begin - resumed < last) return;  // half of the time is its own
    if (!take_commands(false)) throw Stopped();
    do_jobs(rows / kPart);
    step();
    flush();
    resumed = now_seconds();
    last = resumed - begin;
    others += last;
  };
  pause();
  const Arena::Frame frame(arena_);
  Context context{arena_, pool_, chosen_kernels()};
  context.on_pause = &pause;
  if (jobs.front()->f) {
    jobs.front()->f(context);
    return others;
  }
  std::vector<std::vector<Token>> sources;
  for (const auto& job : jobs) sources.push_back(job->source);
  std::vector<Memory> memories = encode_memories(context, model(), sources);
  for (size_t i = 0; i < jobs.size(); ++i) jobs[i]->memory = std::move(memories[i]);
  encoded_.source_tokens += rows;
  encoded_.encoder_runs += static_cast<std::int64_t>(jobs.size());
  return others;
}

// One decoding step for all. What fails here fails for all.
void Engine::step() {
  try {
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
    counters_.waiting = scheduler_->n_waiting() + static_cast<int>(jobs_.size());
    counters_.active = scheduler_->n_active();
    counters_.work = encoded_;  // the scheduler is given memories: it only decodes
    counters_.work.decode_seconds = lost_seconds_ + scheduler_->counters().decode_seconds;
  } catch (...) {
    fail_all(std::current_exception());
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
