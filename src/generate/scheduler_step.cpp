// The decoding half of the Scheduler: whose rows a tick computes.
#include <algorithm>
#include <unordered_map>

#include "base/stop.h"
#include "base/timing.h"
#include "generate/scheduler.h"
#include "generate/shares.h"

namespace transept {
namespace {

// So many rows cost a step hardly more than one does; beyond, each guess takes what a request waits
// for.
constexpr int kDraftRows = 8;

bool all_requested(const std::vector<std::stop_token>& stops) {
  return std::ranges::all_of(stops, [](const std::stop_token& s) { return s.stop_requested(); });
}

}  // namespace

int Scheduler::Active::wants() const {
  size_t n = 0;
  for (size_t i = fed; i < rows.size(); ++i) n += rows[i].wanted.new_ids().size();
  return static_cast<int>(n);
}

// False if it was ended in the middle, because all of `stops` were asked for.
bool Scheduler::run_wanted(const std::vector<std::stop_token>& stops,
                           const std::function<void()>& f) {
  const bool may_stop = !stops.empty() && std::ranges::all_of(stops, [](const std::stop_token& s) {
    return s.stop_possible();
  });
  const std::function<void()> pause = [&] {
    if (options_.on_pause) options_.on_pause();
    if (may_stop && all_requested(stops)) throw Stopped();
  };
  if (may_stop || options_.on_pause) context_.on_pause = &pause;
  const struct Reset {
    Context& context;
    ~Reset() { context.on_pause = nullptr; }
  } reset{context_};
  try {
    f();
  } catch (const Stopped&) {
    if (!may_stop || !all_requested(stops)) throw;
    return false;
  }
  return true;
}

// What every session wants next, where all that it wanted before has been read.
void Scheduler::begin_steps() {
  for (Active& active : active_) {
    active.in_step = false;
    if (!active.rows.empty()) continue;
    active.session->limit_drafts(kDraftRows / static_cast<int>(active_.size()));
    active.rows = step_rows(*active.session);
    active.fed = 0;
  }
}

// Rows for each of active_: equal parts for the owners, and of an owner's part for its requests.
// What does not divide goes to those that have been served less.
std::vector<int> Scheduler::share_rows() {
  const int most = active_.size() == 1 ? options_.max_rows : options_.max_request_rows;
  std::vector<std::pair<int64_t, uint64_t>> owners;
  for (const auto& [key, owner] : owners_)
    if (owner.places > 0) owners.emplace_back(owner.served, key);
  std::ranges::sort(owners);
  // A claim from quiet times does not grow beyond one tick.
  for (const auto& [served, key] : owners) {
    Owner& owner = owners_.at(key);
    owner.served = std::max(owner.served, owners.back().first - options_.max_rows);
  }
  std::vector<std::vector<size_t>> requests(owners.size());
  std::vector<std::vector<int>> wants(owners.size());
  std::vector<int> all_wants;
  for (size_t i = 0; i < owners.size(); ++i) {
    for (size_t j = 0; j < active_.size(); ++j)
      if (active_[j].owner == owners[i].second) requests[i].push_back(j);
    std::ranges::stable_sort(requests[i], {}, [&](size_t j) { return active_[j].served; });
    int sum = 0;
    for (const size_t j : requests[i]) {
      wants[i].push_back(std::min(active_[j].wants(), most));
      sum = std::min(sum + wants[i].back(), options_.max_rows);
    }
    all_wants.push_back(sum);
  }
  std::vector<int> shares(active_.size());
  const std::vector<int> parts = share_out(options_.max_rows, all_wants);
  for (size_t i = 0; i < owners.size(); ++i) {
    const std::vector<int> own = share_out(parts[i], wants[i]);
    for (size_t k = 0; k < own.size(); ++k) shares[requests[i][k]] = own[k];
  }
  return shares;
}

// The next rows of a request, so many of them; of a long prompt a piece without logits.
std::vector<StepRow> Scheduler::next_rows(Active& active, int share) {
  std::vector<StepRow> picked;
  auto left = static_cast<size_t>(share);
  while (left > 0 && active.fed < active.rows.size()) {
    StepRow row = active.rows[active.fed];
    const size_t wanted = row.wanted.new_ids().size();
    const auto n_logits = static_cast<size_t>(row.wanted.n_logits);
    if (wanted > left && wanted > n_logits) {
      left = std::min(left, wanted - n_logits);
      const auto length = static_cast<size_t>(row.wanted.state->length());
      row.wanted.ids = row.wanted.ids.first(length + left);
      row.wanted.n_logits = 0;
      picked.push_back(row);
      break;
    }
    if (wanted > left && !picked.empty()) break;  // guesses stay together
    picked.push_back(row);
    ++active.fed;
    left -= std::min(left, wanted);
  }
  return picked;
}

// Sessions with one Memory side by side, otherwise oldest first.
std::vector<StepRow> Scheduler::pick_rows() {
  const std::vector<int> shares = share_rows();
  std::unordered_map<const void*, size_t> group_of;
  std::vector<std::vector<StepRow>> groups;
  for (size_t i = 0; i < active_.size(); ++i) {
    Active& active = active_[i];
    const std::vector<StepRow> rows = next_rows(active, shares[i]);
    if (rows.empty()) continue;
    active.in_step = true;
    Owner& owner = owners_.at(active.owner);
    for (const StepRow& row : rows) {
      const auto given = static_cast<int64_t>(row.wanted.new_ids().size());
      active.served += given;
      owner.served += given;
      counters_.decoder_rows += given;
    }
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

void Scheduler::step() {
  const AddSeconds watch(counters_.decode_seconds);
  begin_steps();
  const std::vector<StepRow> rows = pick_rows();
  std::vector<std::stop_token> stops;
  for (const Active& active : active_)
    if (active.in_step) stops.push_back(active.stop);
  // What was fed in part is of no use any more.
  const auto drop = [this] {
    std::erase_if(active_, [this](const Active& active) {
      if (active.in_step) retire(active);
      return active.in_step;
    });
  };
  try {
    if (!run_wanted(stops, [&] { run_step(context_, model_, rows); })) return drop();
  } catch (...) {
    drop();
    throw;
  }
  for (Active& active : active_) {
    if (!active.in_step || active.fed < active.rows.size()) continue;
    active.session->advance();
    active.rows.clear();
  }
}

}  // namespace transept
