// Observer: sees intermediate tensors by name, and what is multiplied. Nothing below knows what it
// does with them.
//
// Sites: "encoder.embedded", "encoder.0.self.out" (after the sub-layer), "encoder.0.self.probs",
// "encoder.hidden", "decoder.2.cross.probs" ([n_heads * queries, keys], head by head),
// "decoder.hidden", "logits".
#pragma once

#include <string>

#include "tensor/tensor.h"

namespace transept {

struct Weight;

class Observer {
 public:
  virtual ~Observer() = default;
  // `sequence`: index into the batch, or -1 when the tensor holds the rows of all sequences.
  // The tensor is valid during the call only.
  virtual void on(const std::string& /*site*/, int /*sequence*/, ConstTensor /*tensor*/) {}
  // A linear is about to multiply x [rows, in] by the weight; likewise.
  virtual void on_product(const Weight& /*weight*/, ConstTensor /*x*/) {}
};

}  // namespace transept
