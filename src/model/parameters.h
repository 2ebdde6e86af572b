// Parameters: a Transformer whose weights live in one flat array that a trainer may change, with
// their gradients in another.
//
//   Transformer model{.config = config};      // or a copy of a loaded one
//   Parameters parameters(model);             // the model now computes from parameters.values()
//   … fill values() if the model is new …
//   parameters.train([](const Parameter& p) { return !p.weight->serves_encoder(); });
//   parameters.repack(pool, kernels);         // after every change of values()
//   for each step:
//     parameters.clear_gradients(pool);
//     teacher_forcing(…), tape.backward()     // adds to gradients()
//     adamw(pool, kernels, …, parameters.gradients(), parameters.values(), mean, square);
//     parameters.repack(pool, kernels);
//
// All arrays have one layout, so mean, square and moving averages are spans of the same size. The
// gradient of what is not trained stays zero; adamw over it would still decay it, so a trainer with
// frozen parts steps over the ranges of trained().
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/parallel.h"
#include "model/weights.h"

namespace transept {

struct Parameter {
  std::string name;  // as visit() says it
  Weight* weight;    // in the model; tied weights are one parameter
  Role role;
  size_t begin;  // its first element in the flat arrays; a multiple of 16
  bool trained = true;

  [[nodiscard]] size_t size() const { return weight->size(); }
};

class Parameters {
 public:
  // Takes every weight over, widened to f32: `model` must outlive this object and not be moved. A
  // model without values (only its config) gets zeros. Everything is trained.
  explicit Parameters(Transformer& model);
  Parameters(const Parameters&) = delete;
  Parameters& operator=(const Parameters&) = delete;
  ~Parameters() = default;

  [[nodiscard]] std::span<const Parameter> list() const { return list_; }
  [[nodiscard]] std::span<float> values(const Parameter& p) {
    return values().subspan(p.begin, p.size());
  }
  [[nodiscard]] std::span<float> gradients(const Parameter& p) {
    return gradients().subspan(p.begin, p.size());
  }
  // Everything, in the order of visit(); gaps between parameters are zero in both and stay so.
  [[nodiscard]] std::span<float> values() { return {values_.as<float>(), size_}; }
  [[nodiscard]] std::span<float> gradients() { return {gradients_.as<float>(), size_}; }
  [[nodiscard]] size_t count() const;  // of numbers that are trained

  // Trains what `wanted` accepts and freezes the rest: no gradient is computed for it.
  void train(const std::function<bool(const Parameter& parameter)>& wanted);
  // The [begin, end) of values() that are trained, neighbours joined.
  [[nodiscard]] std::vector<std::pair<size_t, size_t>> trained() const;

  void clear_gradients(ThreadPool& pool);
  // finish() again: brings what products read up to date with values(), and makes the model one of
  // its own, to which no earlier Memory belongs. Costs about a per cent of a step. (The
  // transposed form that the backward needs is made where it is used.)
  void repack(ThreadPool& pool, const KernelTable& kernels);

 private:
  Transformer& model_;
  std::vector<Parameter> list_;
  size_t size_ = 0;
  Buffer values_;
  Buffer gradients_;
};

}  // namespace transept
