#include "trace/value_norms.h"

#include <algorithm>
#include <cmath>

#include "model/blocks.h"

namespace transept {

std::vector<float> cross_value_norms(Context& c, const Transformer& model, const Memory& memory) {
  const StackConfig& stack = model.config.decoder;
  std::vector<float> norms;
  if (!stack.cross || memory.empty()) return norms;
  const int rows = memory.rows();
  const Arena::Frame source_frame(c.arena);
  const ConstTensor source = cross_source(c, model, memory.hidden());
  for (const Layer& layer : model.decoder.layers) {
    const Arena::Frame frame(c.arena);
    const Tensor v = linear(c, layer.cross.v, source);  // [rows, n_heads * d_head]
    const int d_head = v.cols / stack.n_heads;
    // One head's part of every row, the rest zero; the last row says nothing: the bias alone.
    const Tensor part = c.arena.tensor(rows + 1, v.cols);
    for (int head = 0; head < stack.n_heads; ++head) {
      c.pause();
      const Arena::Frame inner(c.arena);
      const ptrdiff_t first = ptrdiff_t{head} * d_head;
      std::fill_n(part.data, part.size(), 0.F);
      for (int row = 0; row < rows; ++row)
        std::copy_n(v.row(row) + first, d_head, part.row(row) + first);
      const Tensor said = linear(c, layer.cross.o, part);  // [rows + 1, d_model]
      for (int row = 0; row < rows; ++row) {
        double sum = 0;
        for (int i = 0; i < said.cols; ++i) {
          const double x = static_cast<double>(said.row(row)[i]) - said.row(rows)[i];
          sum += x * x;
        }
        norms.push_back(static_cast<float>(std::sqrt(sum)));
      }
    }
  }
  return norms;
}

}  // namespace transept
