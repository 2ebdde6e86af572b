// WordPiece (Schuster & Nakajima 2012, as in BERT): the longest piece that starts the word, then
// the longest continuing piece, and so on; a word that cannot be covered is unknown as a whole.
#pragma once

#include <string>

#include "text/model.h"
#include "text/vocabulary.h"

namespace transept {

struct WordPieceOptions {
  std::string unknown = "[UNK]";
  std::string continuing_prefix = "##";
  size_t longest_word = 100;  // in code points; longer words are unknown
};

class WordPiece : public SubwordModel {
 public:
  WordPiece(Vocabulary vocabulary, WordPieceOptions options);
  void tokenize(std::string_view word, std::vector<Piece>& out) const override;
  [[nodiscard]] std::optional<Token> find(std::string_view piece) const override {
    return vocabulary_.find(piece);
  }
  [[nodiscard]] std::string_view piece(Token id) const override { return vocabulary_.piece(id); }
  [[nodiscard]] int size() const override { return vocabulary_.size(); }

 private:
  [[nodiscard]] Piece longest_at(std::string_view word, size_t begin) const;

  Vocabulary vocabulary_;
  WordPieceOptions options_;
  uint64_t prefix_hash_;
};

}  // namespace transept
