// Unigram: the segmentation of a word with the greatest sum of piece scores, by Viterbi search
// (Kudo 2018, "Subword Regularization", without sampling). Two libraries define what that is to
// the last bit; UnigramRules says which one is followed.
#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "text/double_array.h"
#include "text/model.h"
#include "text/piece_table.h"

namespace transept {

enum class UnigramRules {
  // Hugging Face tokenizers 0.23: sums in double precision, every piece takes part, a run of
  // unknown characters is one unknown piece or, under byte fallback, its bytes.
  tokenizers,
  // sentencepiece 0.2.3: sums in single precision, only normal and user-defined pieces take part,
  // unknown characters stay single (Spm joins them or spells them in bytes).
  sentencepiece,
};

class Unigram : public SubwordModel {
 public:
  // The rules of tokenizers. `unk_id` is -1 if the vocabulary has none: then an unknown character
  // is an Error bad_data.
  Unigram(const std::vector<std::pair<std::string, double>>& pieces, int unk_id,
          bool byte_fallback);

  enum class Kind : uint8_t { normal, user_defined, unused, other };
  struct SpmPiece {
    std::string_view text;
    float score = 0;
    Kind kind = Kind::normal;
  };
  // The rules of sentencepiece. find() knows normal, user-defined and unused pieces only.
  Unigram(const std::vector<SpmPiece>& pieces, int unk_id);

  void tokenize(std::string_view word, std::vector<Piece>& out) const override;
  [[nodiscard]] std::optional<Token> find(std::string_view piece) const override;
  [[nodiscard]] std::string_view piece(Token id) const override { return texts_[id]; }
  [[nodiscard]] int size() const override { return static_cast<int>(scores_.size()); }

 private:
  template <class Sum>
  void search(std::string_view word, std::vector<Piece>& out) const;
  void join_unknown(std::string_view word, size_t begin, std::vector<Piece>& out) const;
  void add_unknown(std::string_view word, Piece run, std::vector<Piece>& out) const;

  UnigramRules rules_;
  int unk_id_;
  bool byte_fallback_;
  double unk_score_ = 0;
  DoubleArray trie_;
  std::vector<double> scores_;      // by id
  std::vector<bool> is_unused_;     // by id: found, but never chosen
  std::array<Token, 256> byte_id_;  // of <0x00> … <0xFF>, -1 if missing
  PieceTable texts_;
  std::optional<Token> empty_piece_;
};

}  // namespace transept
