#include "serve/memory_name.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/hash.h"
#include "base/sha256.h"

namespace transept::serve {
namespace {

template <class Hash>
void add_number(Hash& hash, std::int64_t number) {
  hash.add(&number, sizeof number);
}

template <class Hash>
void add_source(Hash& hash, std::span<const Token> source,
                std::span<const Memory::Segment> segments) {
  add_number(hash, static_cast<std::int64_t>(segments.size()));
  for (const Memory::Segment& segment : segments) add_number(hash, segment.end);
  // Many at once: a hash is asked for a long text's ids on the I/O thread.
  std::array<std::int64_t, 512> numbers{};
  for (std::size_t begin = 0; begin < source.size(); begin += numbers.size()) {
    const auto some = source.subspan(begin, std::min(numbers.size(), source.size() - begin));
    std::copy(some.begin(), some.end(), numbers.begin());
    hash.add(numbers.data(), some.size() * sizeof numbers[0]);
  }
}

}  // namespace

std::string space_of(std::string_view key_name) {
  Sha256 hash;
  hash.add("transept namespace 1\n");
  hash.add(key_name);
  return hash.hex();
}

std::string id_of(const MemoryMaker& maker, std::span<const Token> source,
                  std::span<const Memory::Segment> segments) {
  Sha256 hash;
  hash.add("transept memory 2\n");
  hash.add_framed(maker.space);
  add_number(hash, maker.numerics);
  hash.add_framed(maker.model);
  hash.add_framed(maker.tokenizer_hash);
  add_source(hash, source, segments);
  return hash.hex();
}

std::string id_of_version_1(const MemoryMaker& maker, std::span<const Token> source,
                            std::span<const Memory::Segment> segments) {
  Hasher hash;
  hash.add("transept memory 1\n");
  add_number(hash, maker.numerics);
  hash.add(maker.model);
  hash.add(maker.tokenizer_hash);
  add_source(hash, source, segments);
  return hash.hex();
}

bool is_id_of(std::string_view id, const MemoryMaker& maker, std::span<const Token> source,
              std::span<const Memory::Segment> segments) {
  if (source.empty()) return false;
  constexpr std::size_t kOldDigits = 32;
  if (id.size() == kOldDigits)
    return maker.space == kShared && id == id_of_version_1(maker, source, segments);
  return id == id_of(maker, source, segments);
}

}  // namespace transept::serve
