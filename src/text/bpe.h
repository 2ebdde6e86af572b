// Byte-pair encoding (Sennrich et al. 2016): the pair of neighbouring pieces that was merged first
// in training is merged first, the leftmost of equals before the others.
#pragma once

#include <array>
#include <string>
#include <utility>

#include "text/model.h"
#include "text/vocabulary.h"

namespace transept {

struct BpeOptions {
  std::string unknown;             // piece for unknown characters; empty: they are dropped
  std::string continuing_prefix;   // put before every character but the first of a word
  std::string end_of_word_suffix;  // put after the last
  bool fuse_unknown = false;       // neighbouring unknown characters become one piece
  bool byte_fallback = false;      // unknown characters become <0x…> pieces
  bool ignore_merges = false;      // a word that is a piece is taken whole
};

class Bpe : public SubwordModel {
 public:
  using Merges = std::vector<std::pair<std::string, std::string>>;  // in order of rank
  // Error bad_data, naming `where`, for merges that the vocabulary does not cover.
  Bpe(Vocabulary vocabulary, const Merges& merges, BpeOptions options, const std::string& where);

  void tokenize(std::string_view word, std::vector<Piece>& out) const override;
  [[nodiscard]] std::optional<Token> find(std::string_view piece) const override {
    return vocabulary_.find(piece);
  }
  [[nodiscard]] std::string_view piece(Token id) const override { return vocabulary_.piece(id); }
  [[nodiscard]] int size() const override { return vocabulary_.size(); }

  // Byte-level vocabularies spell bytes as characters (byte_level.h). After this, tokenize() takes
  // raw bytes, which saves spelling them. False, and nothing changes, if the vocabulary or the
  // options are not made for it.
  bool use_raw_bytes();

 private:
  struct Merge {
    uint64_t pair = UINT64_MAX;
    uint32_t rank = 0;
    Token result = 0;
  };
  struct Symbol;
  class Work;
  [[nodiscard]] const Merge* find_merge(Token left, Token right) const;
  void start_symbols(std::string_view word, std::vector<Symbol>& symbols) const;
  bool add_bytes(std::string_view text, std::vector<Symbol>& symbols) const;
  void merge_short(std::vector<Symbol>& symbols) const;
  void merge_long(std::vector<Symbol>& symbols) const;
  void insert_merge(const Merge& merge);
  [[nodiscard]] Token merged(const std::pair<std::string, std::string>& merge, size_t rank,
                             const std::string& where) const;

  Vocabulary vocabulary_;
  BpeOptions options_;
  std::vector<Merge> merges_;  // open addressing by pair; a power of two
  Token unknown_ = -1;
  std::array<Token, 256> fallback_{};  // <0x00> … <0xFF>; -1 where the vocabulary has none
  std::array<Token, 128> ascii_{};     // one-letter pieces; -1 where there is none
  bool raw_bytes_ = false;
  std::array<Token, 256> bytes_{};  // pieces of single bytes, with raw_bytes_
  Vocabulary raw_vocabulary_;       // spelled in bytes, with raw_bytes_ and ignore_merges
};

}  // namespace transept
