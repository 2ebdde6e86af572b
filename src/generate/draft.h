// Drafts: what a decoder is likely to say next, copied from its input or from what it has said, so
// that one pass over several tokens may stand for several steps (Saxena 2023, "Prompt lookup
// decoding"; Yang et al. 2023, "Inference with reference"). No second model; a wrong draft costs
// only its rows.
#pragma once

#include <span>
#include <vector>

#include "model/config.h"

namespace transept {

class Drafter {
 public:
  // `source`: the input's tokens, empty where they are of another vocabulary; they must outlive
  // this object. `most`: tokens per draft; 0: none ever.
  explicit Drafter(std::span<const Token> source = {}, int most = 0)
      : source_(source), most_(most), length_(most < kFirst ? most : kFirst) {}

  // What may follow `ids`, at most `room` tokens; empty: nothing, or it does not pay at present.
  [[nodiscard]] std::vector<Token> propose(std::span<const Token> ids, int room);
  // How many of the last draft's tokens were what the model said.
  void learn(int proposed, int accepted);

 private:
  static constexpr int kFirst = 2;  // tokens, before anything is known

  std::span<const Token> source_;
  int most_;
  int length_;     // of the next draft
  int wait_ = 0;   // steps without a draft to come
  int pause_ = 0;  // after the next failure
};

}  // namespace transept
