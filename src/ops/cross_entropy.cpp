#include "ops/cross_entropy.h"

#include <algorithm>
#include <vector>

#include "ops/linear.h"
#include "ops/product.h"
#include "ops/shape.h"
#include "ops/softmax.h"

namespace transept {
namespace {

// Rows whose logits are there together: 128 MiB of them. A product of fewer would spend its time on
// packing.
int rows_per_chunk(int vocab) {
  return std::clamp((1 << 25) / vocab, 64, 4096);
}

struct RowLoss {
  double loss;
  double log_prob;
  bool correct;
};

// From the logits of one row to its loss and, where `gradient`, to the gradient in place.
RowLoss row_loss(const KernelTable& kernels, const CrossEntropy& loss, size_t index, int vocab,
                 float* logits, bool gradient) {
  const int32_t label = loss.labels[index];
  const float own = logits[label];
  const double share = double{loss.label_smoothing} / vocab;
  const auto [largest, log_sum] =
      log_norm(kernels, std::span<const float>(logits, static_cast<size_t>(vocab)));
  const double log_prob = double{own} - largest - log_sum;
  double smooth = 0;  // sum of all log-probabilities
  if (loss.label_smoothing > 0) {
    smooth = double{kernels.sum(logits, vocab)} - (double{largest} + log_sum) * vocab;
  }
  if (gradient) {
    const float factor = loss.weights[index] * loss.gradient_scale;
    kernels.softmax_gradient(largest, log_sum, factor, static_cast<float>(share), vocab, logits);
    logits[label] -= factor * (1 - loss.label_smoothing);
  }
  return {-(1 - double{loss.label_smoothing}) * log_prob - share * smooth, log_prob,
          own >= largest};
}

}  // namespace

CrossEntropySum cross_entropy(Context& c, const Weight& weight, const Weight& bias, ConstTensor x,
                              const CrossEntropy& loss) {
  check_shape(x.cols == weight.cols, weight, x);
  check(loss.labels.size() == static_cast<size_t>(x.rows) &&
            loss.weights.size() == loss.labels.size(),
        ErrorCode::internal, "cross_entropy: {} rows with {} labels and {} weights", x.rows,
        loss.labels.size(), loss.weights.size());
  const bool to_input = c.tape != nullptr && c.tape->tracks(x);
  const bool gradient =
      c.tape != nullptr && (to_input || weight.grad != nullptr || bias.grad != nullptr);
  if (gradient) check_trainable(weight);
  const Tape::Claim dx = to_input ? c.tape->claim(x) : Tape::Claim{};
  CrossEntropySum sum;
  const int chunk = rows_per_chunk(weight.rows);
  std::vector<RowLoss> rows(static_cast<size_t>(std::min(chunk, x.rows)));
  for (int begin = 0; begin < x.rows; begin += chunk) {
    const Arena::Frame frame(c.arena);
    const ConstTensor part = x.slice(begin, std::min(x.rows, begin + chunk));
    const Tensor logits = c.arena.tensor(part.rows, weight.rows);
    multiply_packed(c, part, {{Factor{&weight, &bias}}}, {{logits}});
    c.pool.parallel_for(part.rows, 1, [&](int64_t first, int64_t last) {
      for (int64_t r = first; r < last; ++r) {
        rows[static_cast<size_t>(r)] =
            row_loss(c.kernels, loss, static_cast<size_t>(begin + r), weight.rows,
                     logits.row(static_cast<int>(r)), gradient);
      }
    });
    for (int r = 0; r < part.rows; ++r) {
      const RowLoss& row = rows[static_cast<size_t>(r)];
      const double own = loss.weights[static_cast<size_t>(begin) + static_cast<size_t>(r)];
      sum.loss += own * row.loss;
      sum.log_prob += own * row.log_prob;
      sum.correct += row.correct ? 1 : 0;
    }
    if (gradient) {
      const Tensor to = to_input ? dx.grad.slice(begin, begin + part.rows) : Tensor{};
      linear_backward(c, weight, bias, part, logits, to, dx.fresh);
    }
  }
  return sum;
}

}  // namespace transept
