#include "serve/memory_name.h"

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
  for (const Token id : source) add_number(hash, id);
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
  if (maker.space == kShared && id == id_of_version_1(maker, source, segments)) return true;
  return id == id_of(maker, source, segments);
}

}  // namespace transept::serve
