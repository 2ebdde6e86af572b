#include "generate/scheduler.h"

#include <algorithm>
#include <chrono>
#include <unordered_map>

#include "generate/generate.h"
#include "generate/restrict.h"
#include "model/encoder.h"

namespace transept {
namespace {

// So many rows cost a step hardly more than one does; beyond, each guess takes what a request waits
// for.
constexpr int kDraftRows = 8;

class Stopwatch {
 public:
  explicit Stopwatch(double& seconds)
      : seconds_(seconds), begin_(std::chrono::steady_clock::now()) {}
  ~Stopwatch() {
    const auto passed = std::chrono::steady_clock::now() - begin_;
    seconds_ += std::chrono::duration<double>(passed).count();
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& seconds_;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace

Scheduler::Scheduler(const Transformer& model, ThreadPool& pool, const SchedulerOptions& options,
                     const KernelTable& kernels)
    : model_(model), options_(options), context_{arena_, pool, kernels} {
  check(options.max_requests >= 1, ErrorCode::usage, "max_requests: {}, expected at least 1",
        options.max_requests);
}

Scheduler::~Scheduler() = default;

Scheduler::Id Scheduler::add(Request request) {
  const Config& config = model_.config;
  check(config.has_decoder(), ErrorCode::usage, "{}: an encoder on its own, it generates nothing",
        config.family);
  check_options(request.options, config);
  const size_t prompt = decoder_prompt(request.options, config, request.prompt).size();
  (void)length_limit(request.options, config, static_cast<int>(prompt));
  if (!config.has_encoder() || !request.memory.empty()) {
    check_memory(model_, request.memory);
  } else {
    check_source(config, request.source);
    ++cache_[request.source].waiting;
  }
  waiting_.push_back({next_id_, std::move(request)});
  return next_id_++;
}

bool Scheduler::cancel(Id id) {
  const auto waiting = std::ranges::find(waiting_, id, &Waiting::id);
  if (waiting != waiting_.end()) {
    forget(waiting->request);
    waiting_.erase(waiting);
    return true;
  }
  const auto active = std::ranges::find(active_, id, &Active::id);
  if (active == active_.end() || active->cancelled) return false;
  active->cancelled = true;
  return true;
}

bool Scheduler::tick() {
  std::erase_if(active_, [](const Active& active) { return active.cancelled; });
  if (idle()) return false;
  admit();
  {
    const Stopwatch watch(counters_.decode_seconds);
    const std::vector<StepRow> rows = pick_rows();
    run_step(context_, model_, rows);
    Session* previous = nullptr;
    for (const StepRow& row : rows) {
      if (row.session != previous) row.session->advance();
      previous = row.session;
    }
  }
  deliver();
  return true;
}

void Scheduler::admit() {
  const size_t room = static_cast<size_t>(options_.max_requests) - active_.size();
  const size_t n_candidates = std::min(room, waiting_.size());
  encode_missing(n_candidates);
  for (size_t i = 0; i < n_candidates; ++i) {
    const Request& request = waiting_.front().request;
    Memory memory = find_memory(request);
    if (memory.empty() && model_.config.has_encoder()) break;  // not yet encoded
    Waiting waiting = std::move(waiting_.front());
    waiting_.pop_front();
    forget(waiting.request);
    activate(std::move(waiting), std::move(memory));
  }
  trim_cache();
}

void Scheduler::encode_missing(size_t n_candidates) {
  if (!model_.config.has_encoder()) return;
  std::vector<std::vector<Token>> sources;
  size_t rows = 0;
  for (size_t i = 0; i < n_candidates; ++i) {
    const Request& request = waiting_[i].request;
    if (!find_memory(request).empty()) continue;
    if (std::ranges::find(sources, request.source) != sources.end()) continue;
    rows += request.source.size();
    if (!sources.empty() && rows > static_cast<size_t>(options_.max_encode_rows)) break;
    sources.push_back(request.source);
  }
  if (sources.empty()) return;
  const Stopwatch watch(counters_.encode_seconds);
  const Arena::Frame frame(arena_);
  std::vector<Memory> memories = encode_memories(context_, model_, sources);
  for (size_t i = 0; i < sources.size(); ++i) {
    counters_.source_tokens += static_cast<int64_t>(sources[i].size());
    cache_[sources[i]].memory = std::move(memories[i]);
  }
  counters_.encoder_runs += static_cast<int64_t>(sources.size());
}

// That of the request, of an equal one that waits or of an equal one that runs.
Memory Scheduler::find_memory(const Request& request) const {
  if (!request.memory.empty() || !model_.config.has_encoder()) return request.memory;
  const auto cached = cache_.find(request.source);
  if (cached != cache_.end() && !cached->second.memory.empty()) return cached->second.memory;
  for (const Active& active : active_) {
    if (!active.encoded_here) continue;
    const Memory& memory = active.session->memory();
    if (std::ranges::equal(memory.ids(), request.source)) return memory;
  }
  return {};
}

void Scheduler::activate(Waiting waiting, Memory memory) {
  Request& request = waiting.request;
  Active active;
  active.id = waiting.id;
  active.encoded_here = request.memory.empty() && model_.config.has_encoder();
  active.on_token = std::move(request.on_token);
  active.on_finished = std::move(request.on_finished);
  const std::span<const Token> source = memory.empty() ? std::span<const Token>() : memory.ids();
  auto outputs = allowed_outputs(context_.pool, model_, request.options, source);
  active.session = make_session(model_.config, request.options, request.prompt, std::move(memory),
                                std::move(outputs));
  active_.push_back(std::move(active));
}

void Scheduler::forget(const Request& request) {
  if (!request.memory.empty()) return;
  const auto entry = cache_.find(request.source);
  if (entry != cache_.end() && --entry->second.waiting == 0) cache_.erase(entry);
}

void Scheduler::trim_cache() {
  size_t bytes = 0;
  for (auto& [source, entry] : cache_) {
    if (entry.memory.empty()) continue;
    bytes += entry.memory.bytes();
    if (bytes > options_.cache_bytes) entry.memory = Memory();  // encoded again when its turn comes
  }
}

// Sessions with one Memory side by side, otherwise oldest first; as many as max_rows allows.
std::vector<StepRow> Scheduler::pick_rows() {
  std::unordered_map<const void*, size_t> group_of;
  std::vector<std::vector<StepRow>> groups;
  size_t n_rows = 0;
  for (const Active& active : active_) {
    active.session->limit_drafts(kDraftRows / static_cast<int>(active_.size()));
    const std::vector<StepRow> rows = step_rows(*active.session);
    size_t wanted = 0;
    for (const StepRow& row : rows) wanted += row.wanted.new_ids().size();
    const bool fits = n_rows == 0 || n_rows + wanted <= static_cast<size_t>(options_.max_rows);
    if (!fits) continue;
    n_rows += wanted;
    const Memory& memory = active.session->memory();
    const void* key = memory.empty() ? nullptr : static_cast<const void*>(&memory.storage());
    const auto [found, added] = group_of.try_emplace(key, groups.size());
    if (added) groups.emplace_back();
    std::vector<StepRow>& group = groups[found->second];
    group.insert(group.end(), rows.begin(), rows.end());
  }
  std::vector<StepRow> picked;
  for (const auto& group : groups) picked.insert(picked.end(), group.begin(), group.end());
  return picked;
}

void Scheduler::deliver() {
  for (size_t i = 0; i < active_.size(); ++i) {  // a callback may call add() and cancel()
    Active& active = active_[i];
    const std::span<const Token> certain = active.session->certain();
    for (; active.streamed < certain.size(); ++active.streamed) {
      if (active.on_token && !active.cancelled) active.on_token(certain[active.streamed]);
    }
  }
  std::vector<Active> done;
  std::erase_if(active_, [&](Active& active) {
    const bool leaves = active.cancelled || active.session->finished();
    if (leaves) done.push_back(std::move(active));
    return leaves;
  });
  for (Active& active : done) {
    if (active.cancelled) continue;
    std::vector<Hypothesis> results = active.session->take_results();
    for (const Hypothesis& result : results) {
      counters_.output_tokens += static_cast<int64_t>(result.ids.size());
    }
    if (active.on_finished) active.on_finished(std::move(results));
  }
}

}  // namespace transept
