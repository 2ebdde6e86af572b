#include "model/parameters.h"

#include "ops/linear.h"
#include "ops/optimize.h"

namespace transept {
Parameters::Parameters(Transformer& model) : model_(model) {
  visit(model, [&](const std::string& name, Weight& weight, int rows, int cols, Role role) {
    weight.name = name;
    weight.rows = rows;
    weight.cols = cols;
    list_.push_back({name, &weight, role, size_});
    size_ += (weight.size() + kLanes - 1) / kLanes * kLanes;
  });
  values_ = Buffer(size_ * sizeof(float));
  gradients_ = Buffer(size_ * sizeof(float));
  for (Parameter& p : list_) {
    float* place = values_.as<float>() + p.begin;
    if (!p.weight->empty()) copy_values(*p.weight, place);
    p.weight->dtype = DType::f32;
    p.weight->storage = Storage::f32;
    p.weight->values = place;
    p.weight->owner = nullptr;
    p.weight->grad = gradients_.as<float>() + p.begin;
  }
}

size_t Parameters::count() const {
  size_t total = 0;
  for (const Parameter& p : list_) total += p.trained ? p.size() : 0;
  return total;
}

void Parameters::train(const std::function<bool(const Parameter& parameter)>& wanted) {
  for (Parameter& p : list_) {
    p.trained = wanted(p);
    p.weight->grad = p.trained ? gradients_.as<float>() + p.begin : nullptr;
  }
}

std::vector<std::pair<size_t, size_t>> Parameters::trained() const {
  std::vector<std::pair<size_t, size_t>> ranges;
  bool joins = false;  // the parameter before is trained too
  for (size_t i = 0; i < list_.size(); ++i) {
    const Parameter& p = list_[i];
    const size_t end = i + 1 < list_.size() ? list_[i + 1].begin : size_;
    if (p.trained && joins) {
      ranges.back().second = end;
    } else if (p.trained) {
      ranges.emplace_back(p.begin, end);
    }
    joins = p.trained;
  }
  return ranges;
}

void Parameters::clear_gradients(ThreadPool& pool) {
  fill_zero(pool, gradients());
}

void Parameters::repack(ThreadPool& pool, const KernelTable& kernels) {
  finish(model_, pool, kernels);
}

}  // namespace transept
