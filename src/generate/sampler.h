// Sampler: from one row of scores to one token. Greedy takes the first maximum; sampling narrows
// the candidates (temperature, top-h, top-k, top-p, min-p, typical, epsilon, eta; in the
// reference's order) and draws one by a random number that the caller gives.
#pragma once

#include <span>
#include <vector>

#include "generate/options.h"
#include "ops/softmax.h"

namespace transept {

struct Candidate {
  Token token = 0;
  float score = 0;  // after temperature
  double probability = 0;
};

// Holds its scratch, so that a row costs no allocation after the first.
class Sampler {
 public:
  explicit Sampler(const GenerateOptions& options) : options_(options) {}

  // The candidates that remain, in order of token, with probabilities that sum to 1.
  [[nodiscard]] const std::vector<Candidate>& distribution(const KernelTable& kernels,
                                                           std::span<const float> scores);

 private:
  bool collect();
  bool collect_nucleus();
  void keep_top_h();
  void keep_top_p();
  void keep_typical();
  void keep_likely();
  [[nodiscard]] double log_probability(const Candidate& c) const;
  [[nodiscard]] double entropy() const;
  double normalise();

  GenerateOptions options_;
  const KernelTable* kernels_ = nullptr;  // during distribution()
  std::vector<float> scores_;             // after temperature
  std::vector<Scored> found_;
  std::vector<Candidate> kept_;
  std::vector<Candidate> sorted_;
  std::vector<float> buffer_;
  double log_norm_ = 0;  // log of the sum of exp(score) over kept_
};

// The candidate in whose share of [0, 1) `uniform` falls.
[[nodiscard]] Token draw(const std::vector<Candidate>& candidates, double uniform);

// The first of the largest scores.
[[nodiscard]] Token pick_greedy(const KernelTable& kernels, std::span<const float> scores);

}  // namespace transept
