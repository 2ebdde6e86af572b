// FairQueue: what waits to be done, for whom. Owners take turns by what was done for them, whatever
// the number of things they wait for (start-time fair queueing, Goyal, Vin & Cheng 1996, with equal
// weights); of one owner the oldest comes first.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>

namespace transept::serve {

template <class T>
class FairQueue {
 public:
  void push(std::uint64_t owner, std::int64_t cost, T item) {
    Owner& of = owners_[owner];
    if (of.items.empty()) of.start = std::max(of.start, clock_);  // rest is not saved up
    of.items.push_back({cost, std::move(item)});
    ++size_;
  }

  // The next one that fits(item).
  template <class Fits>
  [[nodiscard]] std::optional<T> pop(Fits&& fits) {
    Owner* next = nullptr;
    typename std::deque<Item>::iterator at;
    for (auto& [id, owner] : owners_) {
      if (owner.items.empty() || (next != nullptr && owner.start >= next->start)) continue;
      const auto found = std::find_if(owner.items.begin(), owner.items.end(),
                                      [&](const Item& item) { return fits(item.what); });
      if (found == owner.items.end()) continue;
      next = &owner;
      at = found;
    }
    if (next == nullptr) return {};
    T item = std::move(at->what);
    clock_ = std::max(clock_, next->start);
    next->start += at->cost;
    next->items.erase(at);
    --size_;
    return item;
  }

  // All that leaves(item) leave, without being done.
  template <class Leaves>
  void erase_if(Leaves&& leaves) {
    for (auto& [id, owner] : owners_)
      size_ -= std::erase_if(owner.items, [&](const Item& item) { return leaves(item.what); });
  }

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Item {
    std::int64_t cost;
    T what;
  };
  struct Owner {
    std::int64_t start = 0;  // the virtual time at which its next item begins
    std::deque<Item> items;
  };

  std::map<std::uint64_t, Owner> owners_;  // as many as there are keys
  std::int64_t clock_ = 0;
  std::size_t size_ = 0;
};

}  // namespace transept::serve
