// A vocabulary: spelling <-> id, read-only once built.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "text/tokenizer.h"

namespace transept {

// A hash that can be fed byte by byte (FNV-1a, 64 bits, finished by mixing).
class PieceHash {
 public:
  static constexpr uint64_t kStart = 0xcbf29ce484222325u;
  static uint64_t step(uint64_t state, char c) {
    return (state ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  }
  static uint64_t of(std::string_view text, uint64_t state = kStart) {
    for (const char c : text) state = step(state, c);
    return state;
  }
};

class Vocabulary {
 public:
  Vocabulary() = default;
  // Error bad_data, naming `where`, for a negative or far too large id, and for an id or a piece
  // that occurs twice.
  Vocabulary(const std::vector<std::pair<std::string, Token>>& pieces, const std::string& where);

  // {"piece": id, …}
  static Vocabulary from_json(const Json& json);

  [[nodiscard]] std::optional<Token> find(std::string_view piece) const {
    return find(PieceHash::of(piece), piece, {});
  }
  // The id of head + tail, whose hash is given.
  [[nodiscard]] std::optional<Token> find(uint64_t hash, std::string_view head,
                                          std::string_view tail) const;
  [[nodiscard]] std::string_view piece(Token id) const;  // empty for a hole
  [[nodiscard]] bool contains(Token id) const;
  [[nodiscard]] int size() const { return static_cast<int>(pieces_.size()); }  // ids are below
  [[nodiscard]] int count() const { return count_; }                           // without the holes
  [[nodiscard]] size_t longest() const { return longest_; }                    // piece, in bytes

 private:
  struct Slot {
    uint32_t hash = 0;
    Token id = -1;
  };
  struct Place {
    uint32_t offset = 0;
    int32_t size = -1;
  };
  std::string letters_;
  std::vector<Place> pieces_;  // by id
  std::vector<Slot> slots_;    // open addressing; a power of two
  int count_ = 0;
  size_t longest_ = 0;
};

}  // namespace transept
