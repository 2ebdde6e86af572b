#include "serve/memory_budget.h"

#include <algorithm>

#include "base/error.h"

namespace transept::serve {

void MemoryBudget::add(const MemoryName& name, std::size_t bytes) {
  remove(name);
  Holder& holder = holders_[name.space];
  holder.items[name.id] = {bytes, ++clock_};
  holder.by_age[clock_] = name.id;
  holder.bytes += bytes;
  bytes_ += bytes;
  ++count_;
}

void MemoryBudget::touch(const MemoryName& name) {
  const auto holder = holders_.find(name.space);
  if (holder == holders_.end()) return;
  const auto item = holder->second.items.find(name.id);
  if (item == holder->second.items.end()) return;
  holder->second.by_age.erase(item->second.used);
  item->second.used = ++clock_;
  holder->second.by_age[clock_] = name.id;
}

void MemoryBudget::remove(const MemoryName& name) {
  const auto holder = holders_.find(name.space);
  if (holder == holders_.end()) return;
  const auto item = holder->second.items.find(name.id);
  if (item == holder->second.items.end()) return;
  holder->second.bytes -= item->second.bytes;
  bytes_ -= item->second.bytes;
  --count_;
  holder->second.by_age.erase(item->second.used);
  holder->second.items.erase(item);
  if (holder->second.items.empty()) holders_.erase(holder);
}

MemoryName MemoryBudget::next_to_leave() const {
  dcheck(count_ > 0);
  const auto most = std::max_element(
      holders_.begin(), holders_.end(),
      [](const auto& a, const auto& b) { return a.second.bytes < b.second.bytes; });
  return {most->first, most->second.by_age.begin()->second};
}

std::size_t MemoryBudget::bytes_of(const std::string& space) const {
  const auto holder = holders_.find(space);
  return holder == holders_.end() ? 0 : holder->second.bytes;
}

}  // namespace transept::serve
