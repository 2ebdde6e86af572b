#include "text/vocabulary.h"

#include <bit>

#include "base/error.h"

namespace transept {
namespace {

uint64_t mix(uint64_t hash) {
  hash ^= hash >> 32;
  hash *= 0x9E3779B97F4A7C15u;
  return hash ^ (hash >> 29);
}

}  // namespace

Vocabulary::Vocabulary(const std::vector<std::pair<std::string, Token>>& pieces,
                       const std::string& where) {
  // Real vocabularies have few holes; without a bound a file of ten bytes could ask for gigabytes.
  const int64_t limit = 4 * static_cast<int64_t>(pieces.size()) + 1024;
  Token most = -1;
  size_t bytes = 0;
  for (const auto& [piece, id] : pieces) {
    check(id >= 0 && id < limit, ErrorCode::bad_data,
          "{}: id {} of piece \"{}\", expected 0 to {} ({} pieces)", where, id, piece, limit - 1,
          pieces.size());
    most = std::max(most, id);
    bytes += piece.size();
    longest_ = std::max(longest_, piece.size());
  }
  check(bytes < UINT32_MAX, ErrorCode::limit, "{}: the vocabulary has 4 GiB or more", where);
  letters_.reserve(bytes);
  pieces_.resize(static_cast<size_t>(most) + 1);
  slots_.resize(std::bit_ceil(2 * pieces.size() + 2));
  const size_t mask = slots_.size() - 1;
  for (const auto& [piece, id] : pieces) {
    Place& place = pieces_[static_cast<size_t>(id)];
    check(place.size < 0, ErrorCode::bad_data, "{}: id {} occurs twice: \"{}\" and \"{}\"", where,
          id, this->piece(id), piece);
    check(!find(piece), ErrorCode::bad_data, "{}: piece \"{}\" occurs twice", where, piece);
    place = {static_cast<uint32_t>(letters_.size()), static_cast<int32_t>(piece.size())};
    letters_ += piece;
    const uint64_t hash = mix(PieceHash::of(piece));
    size_t at = hash & mask;
    while (slots_[at].id >= 0) at = (at + 1) & mask;
    slots_[at] = {static_cast<uint32_t>(hash >> 32), id};
  }
  count_ = static_cast<int>(pieces.size());
}

Vocabulary Vocabulary::from_json(const Json& json) {
  std::vector<std::pair<std::string, Token>> pieces;
  check(json.is_object(), ErrorCode::bad_data, "{}: expected an object {{\"piece\": id}}", json);
  pieces.reserve(json.size());
  json.each_member([&](std::string_view piece, const Json& id) {
    pieces.emplace_back(piece, static_cast<Token>(id.as_int(0, INT32_MAX - 1)));
  });
  return Vocabulary(pieces, json.where());
}

std::optional<Token> Vocabulary::find(uint64_t hash, std::string_view head,
                                      std::string_view tail) const {
  if (slots_.empty()) return std::nullopt;
  hash = mix(hash);
  const size_t mask = slots_.size() - 1;
  const auto tag = static_cast<uint32_t>(hash >> 32);
  for (size_t at = hash & mask; slots_[at].id >= 0; at = (at + 1) & mask) {
    if (slots_[at].hash != tag) continue;
    const std::string_view known = piece(slots_[at].id);
    if (known.size() == head.size() + tail.size() && known.starts_with(head) &&
        known.ends_with(tail)) {
      return slots_[at].id;
    }
  }
  return std::nullopt;
}

bool Vocabulary::contains(Token id) const {
  return id >= 0 && id < size() && pieces_[static_cast<size_t>(id)].size >= 0;
}

std::string_view Vocabulary::piece(Token id) const {
  if (!contains(id)) return {};
  const Place& place = pieces_[static_cast<size_t>(id)];
  return std::string_view(letters_).substr(place.offset, static_cast<size_t>(place.size));
}

}  // namespace transept
