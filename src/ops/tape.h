// Tape: the recorded backward functions and the gradients of one training step.
//
// An operation that runs with a tape in its Context records how to push the gradient of its output
// back to its inputs and to its weights; backward() replays that in reverse. No graph, no sorting:
// the order of the forward is the order. A tensor is known by its address, so while recording
// nothing that is recorded may be moved, overwritten or given back (Arena::Frame keeps it).
#pragma once

#include <functional>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/buffer.h"
#include "tensor/tensor.h"

namespace transept {

class Tape {
 public:
  using Backward = std::function<void()>;

  // `backward` reads grad(output) and adds to the gradients of what `output` was made of. After it
  // has run nobody needs grad(output) any more, and its memory is used again.
  void record(ConstTensor output, Backward backward);
  // The same for an operation that worked in place: output and input are one tensor, and
  // `backward` turns the gradient of the one into the other's.
  void record_in_place(ConstTensor x, Backward backward);

  // Does a gradient flow to x? Only to what came, by some way, from a weight that is trained.
  // Operations ask before they record, so frozen parts cost nothing.
  [[nodiscard]] bool tracks(ConstTensor x) const { return tracked_.contains(x.data); }

  // [rows, cols] of x: zeros when first asked for.
  [[nodiscard]] Tensor grad(ConstTensor x);
  [[nodiscard]] bool has_grad(ConstTensor x) const { return gradients_.contains(x.data); }
  // For an operation that can write or add: not initialised where `fresh`.
  struct Claim {
    Tensor grad;
    bool fresh;
  };
  [[nodiscard]] Claim claim(ConstTensor x);
  // The gradient of `from` becomes that of `to`, of the same size: for what is multiplied in place.
  void rename_grad(ConstTensor from, ConstTensor to);

  // Runs what was recorded, last first, and forgets it.
  void backward();
  // Forgets everything; the memory of gradients is kept for the next step.
  void clear();

  [[nodiscard]] size_t capacity_bytes() const;

 private:
  struct Step {
    Backward backward;
    const float* output;  // whose gradient is done with; null where the step worked in place
  };
  void release(const float* data);
  [[nodiscard]] Buffer take(size_t bytes);

  std::vector<Step> steps_;
  std::unordered_map<const float*, Buffer> gradients_;
  std::unordered_set<const float*> tracked_;
  std::multimap<size_t, Buffer> free_;  // by size
};

}  // namespace transept
