// MemoryBudget: what memories take of one resource, RAM or disk, by namespace; and which one has to
// leave when it is too much: the least recently used of the namespace that holds most. So one key
// can use what others leave free, and cannot push out those who hold less.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "serve/memory_name.h"

namespace transept::serve {

class MemoryBudget {
 public:
  explicit MemoryBudget(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  // Adds it as the most recently used, or changes its size.
  void add(const MemoryName& name, std::size_t bytes);
  void touch(const MemoryName& name);  // used now; fine if it is not here
  void remove(const MemoryName& name);

  [[nodiscard]] bool is_over() const { return bytes_ > most_bytes_ && count_ > 0; }
  [[nodiscard]] MemoryName next_to_leave() const;  // while is_over()
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t bytes_of(const std::string& space) const;
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  struct Item {
    std::size_t bytes = 0;
    std::uint64_t used = 0;
  };
  struct Holder {
    std::size_t bytes = 0;
    std::map<std::string, Item> items;            // by id
    std::map<std::uint64_t, std::string> by_age;  // least recently used first
  };

  std::size_t most_bytes_;
  std::size_t bytes_ = 0;
  std::size_t count_ = 0;
  std::uint64_t clock_ = 0;
  std::map<std::string, Holder> holders_;  // by namespace: as many as there are keys
};

}  // namespace transept::serve
