// Sampler: from one row of scores to one token. Greedy takes the first maximum; sampling narrows
// the candidates (temperature, top-h, top-k, top-p, min-p, typical, epsilon, eta; in the
// reference's order) and draws one by a random number that the caller gives.
#pragma once

#include <span>
#include <vector>

#include "generate/options.h"

namespace transept {

struct Candidate {
  Token token = 0;
  float score = 0;  // after temperature
  double probability = 0;
};

// The candidates that remain, in order of token, with probabilities that sum to 1. Holds its
// scratch, so that a row costs no allocation.
class Sampler {
 public:
  explicit Sampler(const GenerateOptions& options) : options_(options) {}

  [[nodiscard]] const std::vector<Candidate>& distribution(std::span<const float> scores);

 private:
  void collect(std::span<const float> scores);
  void keep_top_h();
  void keep_top_p();
  void keep_typical();
  void keep_likely();
  double normalise();

  GenerateOptions options_;
  std::vector<Candidate> kept_;
  std::vector<Candidate> sorted_;
};

// The candidate in whose share of [0, 1) `uniform` falls.
[[nodiscard]] Token draw(const std::vector<Candidate>& candidates, double uniform);

// The first of the largest scores.
[[nodiscard]] Token pick_greedy(std::span<const float> scores);

}  // namespace transept
