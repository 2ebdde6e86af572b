#include "text/wordpiece.h"

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"

namespace transept {

WordPiece::WordPiece(Vocabulary vocabulary, WordPieceOptions options)
    : vocabulary_(std::move(vocabulary)),
      options_(std::move(options)),
      prefix_hash_(PieceHash::of(options_.continuing_prefix)) {}

// id -1 if no piece fits.
Piece WordPiece::longest_at(std::string_view word, size_t begin) const {
  const std::string_view prefix = begin > 0 ? options_.continuing_prefix : std::string_view();
  const size_t longest = vocabulary_.longest();
  if (longest <= prefix.size()) return {-1, 0, 0};
  const std::string_view rest = word.substr(begin, longest - prefix.size());
  // The hashes of all beginnings of the rest, in one pass; then the longest that is a piece.
  thread_local std::vector<uint64_t> hashes;
  hashes.clear();
  uint64_t state = begin > 0 ? prefix_hash_ : PieceHash::kStart;
  for (const char c : rest) {
    state = PieceHash::step(state, c);
    hashes.push_back(state);
  }
  for (size_t size = rest.size(); size > 0; --size) {
    const size_t end = begin + size;
    if (end < word.size() && (static_cast<unsigned char>(word[end]) & 0xC0) == 0x80) continue;
    if (const auto id = vocabulary_.find(hashes[size - 1], prefix, rest.substr(0, size))) {
      return {*id, static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
    }
  }
  return {-1, 0, 0};
}

void WordPiece::tokenize(std::string_view word, std::vector<Piece>& out) const {
  const size_t first = out.size();
  bool known =
      word.size() <= options_.longest_word || count_code_points(word) <= options_.longest_word;
  for (size_t at = 0; known && at < word.size();) {
    const Piece piece = longest_at(word, at);
    known = piece.id >= 0;
    at = piece.end;
    out.push_back(piece);
  }
  if (known) return;
  out.resize(first);
  const std::optional<Token> unknown = find(options_.unknown);
  check(unknown.has_value(), ErrorCode::bad_data,
        "the text has a word that the vocabulary does not cover, nor has it the piece \"{}\" for "
        "such words",
        options_.unknown);
  out.push_back({*unknown, 0, static_cast<uint32_t>(word.size())});
}

}  // namespace transept
