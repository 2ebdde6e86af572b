// The face of a subword model (Unigram, BPE, WordPiece, word level): one normalised pre-token ->
// pieces of the vocabulary. Immutable and safe to use from many threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace transept {

// One piece and the bytes [begin, end) of the pre-token it stands for. Several pieces may share a
// range: the byte tokens of one character under byte fallback.
struct Piece {
  Token id = 0;
  uint32_t begin = 0;
  uint32_t end = 0;
  bool operator==(const Piece&) const = default;
};

class SubwordModel {
 public:
  virtual ~SubwordModel() = default;

  // Appends the pieces of `word`, valid UTF-8 of fewer than 2^32 bytes, to `out`.
  virtual void tokenize(std::string_view word, std::vector<Piece>& out) const = 0;

  [[nodiscard]] virtual std::optional<Token> find(std::string_view piece) const = 0;
  // The spelling of an id; empty for an id that the vocabulary does not use.
  [[nodiscard]] virtual std::string_view piece(Token id) const = 0;
  [[nodiscard]] virtual int size() const = 0;  // ids are below this
};

}  // namespace transept
