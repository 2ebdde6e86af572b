#include "text/charsmap.h"

#include "base/error.h"
#include "base/utf8.h"

namespace transept {
namespace {

// The fields of a Darts-clone unit.
constexpr uint32_t label_of(uint32_t unit) {
  return unit & (0x80000000u | 0xffu);
}
constexpr bool has_leaf(uint32_t unit) {
  return ((unit >> 8) & 1u) != 0;
}
constexpr uint32_t value_of(uint32_t unit) {
  return unit & 0x7fffffffu;
}
constexpr uint32_t offset_of(uint32_t unit) {
  return (unit >> 10) << ((unit & 0x200u) >> 6);
}

constexpr bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0u) == 0x80u;
}

uint32_t read_u32(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

}  // namespace

CharsMap::CharsMap(std::string_view blob, const std::string& where) {
  check(blob.size() > 4, ErrorCode::bad_data, "{}: {} bytes, expected more than 4", where,
        blob.size());
  const size_t trie_bytes = read_u32(blob, 0);
  check(trie_bytes % 4 == 0 && trie_bytes >= 4, ErrorCode::bad_data,
        "{}: a trie of {} bytes, expected a positive multiple of 4", where, trie_bytes);
  check(trie_bytes < blob.size() - 4, ErrorCode::bad_data,
        "{}: a trie of {} bytes in a map of {} bytes", where, trie_bytes, blob.size());
  replacements_ = blob.substr(4 + trie_bytes);
  const size_t invalid = find_invalid_utf8(replacements_);
  check(invalid == std::string::npos, ErrorCode::bad_data,
        "{}: invalid UTF-8 at byte {} of the replacements", where, invalid);
  check(replacements_.back() == '\0', ErrorCode::bad_data,
        "{}: the last replacement is not closed by NUL", where);
  trie_.resize(trie_bytes / 4);
  for (size_t i = 0; i < trie_.size(); ++i) trie_[i] = read_u32(blob, 4 + 4 * i);
}

// Calls found(bytes consumed, value) for each entry that begins `text`, shortest first, while it
// returns true.
template <class Found>
void CharsMap::walk(std::string_view text, const Found& found) const {
  size_t at = offset_of(trie_[0]);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    at ^= c;
    if (at >= trie_.size()) return;
    const uint32_t unit = trie_[at];
    if (label_of(unit) != c) return;
    at ^= offset_of(unit);
    if (!has_leaf(unit)) continue;
    if (at >= trie_.size()) return;
    const bool splits_character = i + 1 < text.size() && is_continuation(text[i + 1]);
    if (!splits_character && !found(i + 1, value_of(trie_[at]))) return;
  }
}

std::optional<std::string_view> CharsMap::replacement(uint32_t begin) const {
  if (begin >= replacements_.size() || is_continuation(replacements_[begin])) return std::nullopt;
  return std::string_view(replacements_.data() + begin);  // closed by NUL, see the constructor
}

std::optional<CharsMap::Hit> CharsMap::longest_prefix(std::string_view text) const {
  size_t consumed = 0;
  uint32_t begin = 0;
  walk(text, [&](size_t length, uint32_t value) {
    consumed = length;
    begin = value;
    return true;
  });
  if (consumed == 0) return std::nullopt;
  const auto by = replacement(begin);
  return by ? std::optional(Hit{consumed, *by}) : std::nullopt;
}

std::optional<CharsMap::Hit> CharsMap::shortest_prefix(std::string_view text) const {
  std::optional<Hit> hit;
  walk(text, [&](size_t length, uint32_t value) {
    if (const auto by = replacement(value)) hit = Hit{length, *by};
    return false;
  });
  return hit;
}

}  // namespace transept
