// SHA-256 (FIPS 180-4), for names that stand for what they were made from: nobody finds two inputs
// with one. Some tens of times slower than base/hash.h, which is for what nobody gains by forging.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace transept {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void add(const void* data, size_t size_bytes);
  void add(std::string_view text) { add(text.data(), text.size()); }
  // A text whose end is part of what is hashed: "ab", "c" is not "a", "bc".
  void add_framed(std::string_view text);
  [[nodiscard]] std::string hex();  // 64 hexadecimal digits; nothing is added afterwards

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[nodiscard]] std::string sha256(std::string_view bytes);

}  // namespace transept
