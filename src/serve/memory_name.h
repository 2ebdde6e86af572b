// What a memory is called: whose it is, and the hash of all that it depends on. docs/adr/0025.
#pragma once

#include <compare>
#include <span>
#include <string>
#include <string_view>

#include "model/memory.h"

namespace transept::serve {

// Raised whenever the same ids would give other bits than before.
inline constexpr int kNumericsVersion = 1;

// The namespace of a server without keys, or whose keys share their memories.
inline constexpr std::string_view kShared = "shared";
// That of an API key, by its name in the key file: the same on every server. 64 hexadecimal digits.
[[nodiscard]] std::string space_of(std::string_view key_name);

struct MemoryName {
  std::string space;
  std::string id;
  auto operator<=>(const MemoryName&) const = default;
};

// As messages spell it; what a client sent as an id may be anything.
[[nodiscard]] inline std::string spelled(const MemoryName& name) {
  return "memory " + name.id.substr(0, 64);
}

// Who made a memory: what its id depends on beside the source.
struct MemoryMaker {
  std::string_view space;
  std::string_view model;  // its fingerprint
  std::string_view tokenizer_hash;
  int numerics = kNumericsVersion;
};

// 64 hexadecimal digits.
[[nodiscard]] std::string id_of(const MemoryMaker& maker, std::span<const Token> source,
                                std::span<const Memory::Segment> segments);
// 32 hexadecimal digits: what servers before namespaces called it.
[[nodiscard]] std::string id_of_version_1(const MemoryMaker& maker, std::span<const Token> source,
                                          std::span<const Memory::Segment> segments);
// Is this what a memory of such contents is called, now or in version 1?
[[nodiscard]] bool is_id_of(std::string_view id, const MemoryMaker& maker,
                            std::span<const Token> source,
                            std::span<const Memory::Segment> segments);

}  // namespace transept::serve
