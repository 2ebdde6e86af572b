#include "generate/scheduler.h"

#include <algorithm>

#include "base/timing.h"
#include "generate/generate.h"
#include "generate/restrict.h"
#include "model/encoder.h"

namespace transept {
namespace {

// An input of so many tokens is encoded by itself: it can then be ended as soon as nobody wants it.
constexpr size_t kLongInput = 1024;

}  // namespace

Scheduler::Scheduler(const Transformer& model, ThreadPool& pool, const SchedulerOptions& options,
                     const KernelTable& kernels)
    : model_(model), options_(options), context_{arena_, pool, kernels} {
  for (const auto& [name, value] :
       {std::pair{"max_requests", options.max_requests}, std::pair{"max_rows", options.max_rows},
        std::pair{"max_request_rows", options.max_request_rows}}) {
    check(value >= 1, ErrorCode::usage, "{}: {}, expected at least 1", name, value);
  }
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
  const auto [owner, is_new] = owners_.try_emplace(request.owner);
  if (is_new) {  // it has not been passed over by anybody
    for (const auto& [id, other] : owners_)
      if (id != owner->first) owner->second.served = std::max(owner->second.served, other.served);
  }
  owner->second.waiting.push_back({next_id_, std::move(request)});
  ++n_waiting_;
  return next_id_++;
}

bool Scheduler::cancel(Id id) {
  for (auto& [key, owner] : owners_) {
    const auto waiting = std::ranges::find(owner.waiting, id, &Waiting::id);
    if (waiting == owner.waiting.end()) continue;
    forget(waiting->request);
    owner.waiting.erase(waiting);
    --n_waiting_;
    if (owner.waiting.empty() && owner.places == 0) owners_.erase(key);
    return true;
  }
  const auto active = std::ranges::find(active_, id, &Active::id);
  if (active == active_.end() || active->cancelled) return false;
  active->cancelled = true;
  return true;
}

bool Scheduler::tick() {
  drop_unwanted();
  if (idle()) return false;
  admit();
  step();
  deliver();
  return true;
}

// Of those that wait the next ones are looked at: nothing is done for the others yet.
void Scheduler::drop_unwanted() {
  const auto most = static_cast<size_t>(options_.max_requests);
  for (auto& [key, owner] : owners_) {
    const auto first = owner.waiting.begin();
    const auto last = first + static_cast<std::ptrdiff_t>(std::min(most, owner.waiting.size()));
    const auto kept = std::remove_if(first, last, [&](const Waiting& waiting) {
      const bool leaves = waiting.request.stop.stop_requested();
      if (leaves) forget(waiting.request);
      return leaves;
    });
    n_waiting_ -= static_cast<int>(last - kept);
    owner.waiting.erase(kept, last);
  }
  std::erase_if(active_, [this](const Active& active) {
    if (active.is_unwanted()) retire(active);
    return active.is_unwanted();
  });
  std::erase_if(owners_, [](const auto& entry) {
    return entry.second.waiting.empty() && entry.second.places == 0;
  });
}

void Scheduler::retire(const Active& active) {
  --owners_.at(active.owner).places;
}

// Who gets the next place: who has the fewest, while there are any, or while it has less than its
// part of them.
std::vector<Scheduler::Place> Scheduler::next_places() const {
  struct Candidate {
    uint64_t owner;
    size_t left;
    int places;
  };
  std::vector<Candidate> candidates;
  for (const auto& [key, owner] : owners_)
    if (!owner.waiting.empty()) candidates.push_back({key, owner.waiting.size(), owner.places});
  const int part =
      std::max(1, options_.max_requests / std::max(1, static_cast<int>(owners_.size())));
  auto taken = static_cast<int>(active_.size());
  std::vector<Place> places;
  for (;;) {
    std::erase_if(candidates, [](const Candidate& c) { return c.left == 0; });
    const auto next = std::ranges::min_element(candidates, {}, &Candidate::places);
    if (next == candidates.end()) return places;
    if (taken >= options_.max_requests && next->places >= part) return places;
    const std::deque<Waiting>& waiting = owners_.at(next->owner).waiting;
    places.push_back({next->owner, &waiting[waiting.size() - next->left].request});
    --next->left;
    ++next->places;
    ++taken;
  }
}

void Scheduler::admit() {
  if (n_waiting_ == 0) return;
  const std::vector<Place> places = next_places();
  if (!encode_missing(places)) return drop_unwanted();
  for (const Place& place : places) {
    Memory memory = find_memory(*place.request);
    if (memory.empty() && model_.config.has_encoder()) break;  // not yet encoded
    Owner& owner = owners_.at(place.owner);
    Waiting waiting = std::move(owner.waiting.front());
    owner.waiting.pop_front();
    --n_waiting_;
    ++owner.places;
    forget(waiting.request);
    activate(std::move(waiting), std::move(memory));
  }
  trim_cache();
}

// False if nobody wanted what was being encoded any more.
bool Scheduler::encode_missing(const std::vector<Place>& places) {
  if (!model_.config.has_encoder()) return true;
  std::vector<std::vector<Token>> sources;
  std::vector<std::stop_token> stops;
  size_t rows = 0;
  for (const Place& place : places) {
    const Request& request = *place.request;
    if (!find_memory(request).empty()) continue;
    if (std::ranges::find(sources, request.source) == sources.end()) {
      rows += request.source.size();
      const bool full = rows > static_cast<size_t>(options_.max_encode_rows) || rows >= kLongInput;
      if (!sources.empty() && full) break;
      sources.push_back(request.source);
    }
    stops.push_back(request.stop);
  }
  if (sources.empty()) return true;
  const AddSeconds watch(counters_.encode_seconds);
  const Arena::Frame frame(arena_);
  std::vector<Memory> memories;
  const auto encode = [&] { memories = encode_memories(context_, model_, sources); };
  if (!run_wanted(stops, encode)) return false;
  for (size_t i = 0; i < sources.size(); ++i) {
    counters_.source_tokens += static_cast<int64_t>(sources[i].size());
    cache_[sources[i]].memory = std::move(memories[i]);
  }
  counters_.encoder_runs += static_cast<int64_t>(sources.size());
  return true;
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
  active.owner = request.owner;
  active.stop = std::move(request.stop);
  for (const Active& other : active_)  // it has not been passed over by anybody
    if (other.owner == active.owner) active.served = std::max(active.served, other.served);
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
    if (!leaves) return false;
    retire(active);
    done.push_back(std::move(active));
    return true;
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
