#include "base/hash.h"

#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include <random>

namespace transept {

struct alignas(64) Hasher::State {
  XXH3_state_t xxh;
};

Hasher::Hasher() : state_(std::make_unique<State>()) {
  XXH3_128bits_reset(&state_->xxh);
}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::add(const void* data, size_t size_bytes) {
  XXH3_128bits_update(&state_->xxh, data, size_bytes);
}

std::string Hasher::hex() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(&state_->xxh);
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

uint64_t table_hash(std::string_view name) {
  static const uint64_t key = (uint64_t{std::random_device{}()} << 32) | std::random_device{}();
  return XXH3_64bits_withSeed(name.data(), name.size(), key);
}

}  // namespace transept
