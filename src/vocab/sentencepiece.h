// The SentencePiece library's trainer, the one place that knows it.
#pragma once

#include <string>

#include "vocab/learn.h"

namespace transept {

// Ids of the marks; -1: none.
struct MarkIds {
  int bos = -1;
  int pad = -1;
  int eos = -1;
  int unk = 0;
};

// A model as the bytes of a .model file with `size` pieces. Error usage with the library's words
// where text and options do not fit together.
[[nodiscard]] std::string train_sentencepiece(const NextLine& next,
                                              const VocabularyOptions& options, int size,
                                              const MarkIds& marks);

}  // namespace transept
