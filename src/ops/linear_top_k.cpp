#include "ops/linear_top_k.h"

#include <algorithm>

#include "ops/product.h"
#include "ops/shape.h"

namespace transept {

std::vector<TopOutputs> linear_top_k(Context& c, const Weight& weight, const Weight& bias,
                                     ConstTensor x, std::span<const int> k,
                                     std::span<const Banned> banned) {
  dcheck(std::ranges::is_sorted(banned));
  check_shape(x.cols == weight.cols && k.size() == static_cast<size_t>(x.rows), weight, x);
  const size_t rows = k.size();
  const auto n_pieces = static_cast<size_t>((weight.rows + kSumPiece - 1) / kSumPiece);
  std::vector<SumExp> sums(rows * n_pieces);
  // A thread's pieces come in order, so each thread has a list of its own.
  std::vector<std::vector<Scored>> lists(rows * static_cast<size_t>(c.pool.size()));
  const auto list = [&](size_t row, int thread) -> std::vector<Scored>& {
    return lists[static_cast<size_t>(thread) * rows + row];
  };
  multiply_in_pieces(c, x, {&weight, &bias}, kSumPiece / kLanes, [&](const Piece& piece) {
    const auto outputs = [&](size_t row) {
      return std::span<const float>(piece.y.row(static_cast<int>(row)),
                                    static_cast<size_t>(piece.n));
    };
    for (size_t row = 0; row < rows; ++row) {
      sums[row * n_pieces + static_cast<size_t>(piece.index)] = sum_exp(c.kernels, outputs(row));
    }
    ban(banned, piece.first, piece.n, -std::numeric_limits<float>::infinity(), piece.y);
    for (size_t row = 0; row < rows; ++row) {
      add_to_top_k(c.kernels, outputs(row), piece.first, static_cast<size_t>(k[row]),
                   list(row, piece.thread));
    }
  });
  std::vector<TopOutputs> top(rows);
  for (size_t row = 0; row < rows; ++row) {
    std::vector<Scored>& best = top[row].best;
    for (int thread = 0; thread < c.pool.size(); ++thread) {
      const std::vector<Scored>& own = list(row, thread);
      best.insert(best.end(), own.begin(), own.end());
    }
    std::ranges::sort(best, ranks_before);
    if (best.size() > static_cast<size_t>(k[row])) best.resize(static_cast<size_t>(k[row]));
    top[row].norm = log_norm(std::span(sums).subspan(row * n_pieces, n_pieces));
  }
  return top;
}

}  // namespace transept
