// Teacher forcing: the loss of a batch of examples, every target position at once, with the very
// functions that inference uses.
//
// Training, once per step (see parameters.h for the parameters):
//   arena.clear();  tape.clear();
//   Context c{arena, pool, kernels};
//   c.tape = &tape;
//   c.dropout = {.rate = 0.1F, .seed = seed, .step = step};
//   for each batch of the step, which together are the step's examples:
//     sum += teacher_forcing(c, model, examples, {0.1F, 1 / weight of all labels of the step});
//     tape.backward();                        // c must still be there
//     arena.clear();  tape.clear();
// Gradients add up in the weights, so accumulation is more than one batch before the optimiser.
//
// Validation: the same call without a tape.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/batch.h"
#include "model/weights.h"
#include "ops/context.h"

namespace transept {

// Example i is sequence i of `target`. For a decoder on its own `source` is empty.
struct Examples {
  Batch source;
  std::vector<Token> source_tokens;
  Batch target;
  std::vector<int> reads;  // which sequence of `source` each of `target` reads: 0, then the same or
                           // the next, so that an input is encoded once for all that is asked
                           // about it; empty: each its own
  std::vector<Token> inputs;   // what the decoder reads: the start token, prompt, output
  std::vector<Token> labels;   // what it should say next, one per input
  std::vector<float> weights;  // of each label in the loss; 0: not in it (a prompt), its logits
                               // are not even computed
};

struct LossOptions {
  float label_smoothing = 0;  // as PyTorch's CrossEntropyLoss: the share given to all tokens alike
  float gradient_scale = 1;  // gradients are those of loss * gradient_scale: 1 / total weight for a
                             // mean
};

struct LossSum {
  double loss = 0;      // sum over labels of weight * cross-entropy, smoothed
  double log_prob = 0;  // sum over labels of weight * log p(label): perplexity is
                        // exp(-log_prob / weight)
  double weight = 0;    // sum of weights
  int64_t labels = 0;   // with a weight
  int64_t correct = 0;  // of those, where no other token has a larger logit

  LossSum& operator+=(const LossSum& other);
};

// With a tape in c it leaves the tape ready for backward(), but for the output matrix: the gradient
// of the logits is never kept, so that of the output matrix has been added when this returns.
// Parts without a trained weight are not recorded. Error usage if the lists do not fit together,
// unsupported if a product's weight is not stored in f32, and the errors of encode and decode.
[[nodiscard]] LossSum teacher_forcing(Context& c, const Transformer& model,
                                      const Examples& examples, const LossOptions& options = {});

}  // namespace transept
