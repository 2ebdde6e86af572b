// The models of a SentencePiece file other than Unigram: pair merging (BPE), and the plain ones
// that cut at every character or at every word. They follow sentencepiece 0.2.
#pragma once

#include <vector>

#include "text/double_array.h"
#include "text/model.h"
#include "text/piece_table.h"
#include "text/spm_proto.h"

namespace transept {

// What all three share: pieces by spelling, reserved ones (unknown, control, byte) before others.
class SpmModel : public SubwordModel {
 public:
  explicit SpmModel(const SpmProto& proto);
  [[nodiscard]] std::optional<Token> find(std::string_view piece) const override;
  [[nodiscard]] std::string_view piece(Token id) const override { return texts_[id]; }
  [[nodiscard]] int size() const override { return texts_.size(); }

 protected:
  [[nodiscard]] Token id_of(std::string_view piece) const { return find(piece).value_or(unk_id_); }
  // The bytes of the user-defined piece that begins `rest`, or 0.
  [[nodiscard]] size_t user_defined_size(std::string_view rest) const {
    return user_defined_.longest_prefix(rest);
  }

  DoubleArray ordinary_;  // normal, user-defined, unused

 private:
  DoubleArray reserved_;
  DoubleArray user_defined_;
  PieceTable texts_;
  Token unk_id_ = 0;
};

// Starts from single characters and user-defined pieces and joins, again and again, the pair whose
// joined spelling has the best score, the leftmost of equal ones (Sennrich et al. 2016). A piece
// marked unused is cut again into what it was joined from.
class SpmBpe : public SpmModel {
 public:
  explicit SpmBpe(const SpmProto& proto);
  void tokenize(std::string_view word, std::vector<Piece>& out) const override;

 private:
  class Merger;
  std::vector<float> scores_;  // by id
  std::vector<bool> is_unused_;
};

class SpmCharacters : public SpmModel {
 public:
  using SpmModel::SpmModel;
  void tokenize(std::string_view word, std::vector<Piece>& out) const override;
};

// A word begins at each ▁.
class SpmWords : public SpmModel {
 public:
  using SpmModel::SpmModel;
  void tokenize(std::string_view word, std::vector<Piece>& out) const override;
};

}  // namespace transept
