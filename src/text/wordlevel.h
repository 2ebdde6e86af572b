// The simplest model: a word is a piece of the vocabulary, or unknown.
#pragma once

#include <string>

#include "text/model.h"
#include "text/vocabulary.h"

namespace transept {

class WordLevel : public SubwordModel {
 public:
  WordLevel(Vocabulary vocabulary, std::string unknown)
      : vocabulary_(std::move(vocabulary)), unknown_(std::move(unknown)) {}
  void tokenize(std::string_view word, std::vector<Piece>& out) const override;
  [[nodiscard]] std::optional<Token> find(std::string_view piece) const override {
    return vocabulary_.find(piece);
  }
  [[nodiscard]] std::string_view piece(Token id) const override { return vocabulary_.piece(id); }
  [[nodiscard]] int size() const override { return vocabulary_.size(); }

 private:
  Vocabulary vocabulary_;
  std::string unknown_;
};

}  // namespace transept
