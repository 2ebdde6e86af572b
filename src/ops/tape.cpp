#include "ops/tape.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>

namespace transept {
namespace {

// In eighths of a power of two: batches are of ever other sizes, and fresh memory costs its
// zeroing.
size_t rounded(size_t bytes) {
  const size_t step = std::max(std::bit_floor(bytes) / 8, size_t{64});
  return (bytes + step - 1) / step * step;
}

}  // namespace

void Tape::record(ConstTensor output, Backward backward) {
  tracked_.insert(output.data);
  steps_.push_back({std::move(backward), output.data});
}

void Tape::record_in_place(ConstTensor x, Backward backward) {
  tracked_.insert(x.data);
  steps_.push_back({std::move(backward), nullptr});
}

Tensor Tape::grad(ConstTensor x) {
  const Claim claimed = claim(x);
  if (claimed.fresh) std::fill_n(claimed.grad.data, claimed.grad.size(), 0.F);
  return claimed.grad;
}

Tape::Claim Tape::claim(ConstTensor x) {
  const auto at = gradients_.find(x.data);
  if (at != gradients_.end()) {
    dcheck(at->second.size() >= x.bytes());
    return {{at->second.as<float>(), x.rows, x.cols}, false};
  }
  Buffer& kept = gradients_.emplace(x.data, take(x.bytes())).first->second;
  return {{kept.as<float>(), x.rows, x.cols}, true};
}

// The smallest that is large enough. If none is, one that is too small gives way to a new one, so
// that batches of ever other sizes never hold more pieces than one step needs at a time.
Buffer Tape::take(size_t bytes) {
  const auto fit = free_.lower_bound(bytes);
  if (fit != free_.end()) {
    Buffer memory = std::move(fit->second);
    free_.erase(fit);
    return memory;
  }
  if (!free_.empty()) free_.erase(std::prev(free_.end()));
  return Buffer(rounded(bytes));
}

void Tape::rename_grad(ConstTensor from, ConstTensor to) {
  auto node = gradients_.extract(from.data);
  dcheck(!node.empty() && node.mapped().size() >= to.bytes() && !has_grad(to));
  node.key() = to.data;
  gradients_.insert(std::move(node));
}

void Tape::release(const float* data) {
  const auto at = gradients_.find(data);
  if (at == gradients_.end()) return;
  const size_t size = at->second.size();
  free_.emplace(size, std::move(at->second));
  gradients_.erase(at);
}

void Tape::backward() {
  while (!steps_.empty()) {
    const Step step = std::move(steps_.back());
    steps_.pop_back();
    step.backward();
    if (step.output != nullptr) release(step.output);
  }
}

void Tape::clear() {
  steps_.clear();
  tracked_.clear();
  while (!gradients_.empty()) release(gradients_.begin()->first);
}

size_t Tape::capacity_bytes() const {
  size_t total = 0;
  for (const auto& [data, memory] : gradients_) total += memory.size();
  for (const auto& [size, memory] : free_) total += size;
  return total;
}

}  // namespace transept
