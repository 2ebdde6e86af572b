// A fast 128-bit content hash (XXH3), for fingerprints and caches. Not a defence against forgery.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace transept {

class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;
  void add(const void* data, size_t size_bytes);
  void add(std::string_view text) { add(text.data(), text.size()); }
  [[nodiscard]] std::string hex() const;  // 32 hexadecimal digits

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// For tables over names that strangers choose: keyed anew in each process, so that nobody can have
// names at hand that collide.
[[nodiscard]] uint64_t table_hash(std::string_view name);

}  // namespace transept
