// Top-k: Fan et al. 2018; top-p: Holtzman et al. 2020; typical: Meister et al. 2022; epsilon and
// eta: Hewitt et al. 2022; min-p: Nguyen et al. 2024; top-h: Potraghloo et al. 2025. Where texts
// differ from transformers 5.24, the latter counts. Probabilities are in double here, in float
// there.
#include "generate/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/softmax.h"

namespace transept {
namespace {

bool likelier(const Candidate& a, const Candidate& b) {
  return a.score != b.score ? a.score > b.score : a.token < b.token;
}

bool by_token(const Candidate& a, const Candidate& b) {
  return a.token < b.token;
}

double entropy(const std::vector<Candidate>& candidates) {
  double sum = 0;
  for (const Candidate& c : candidates) {
    if (c.probability > 0) sum -= c.probability * std::log(c.probability);
  }
  return sum;
}

}  // namespace

void Sampler::collect(std::span<const float> scores) {
  float least = -std::numeric_limits<float>::max();
  std::vector<Scored> found;
  if (options_.top_k > 0 && !options_.top_h) {
    top_k(scores, options_.top_k, found);
    least = std::max(least, found.back().value);  // equals of the last one stay
    found.clear();
  }
  select_at_least(scores, least, found);
  if (found.empty()) found.push_back({pick_greedy(scores), 0});  // everything is banned
  kept_.clear();
  const auto temperature = static_cast<float>(options_.temperature);
  for (const Scored& entry : found) {
    kept_.push_back({static_cast<Token>(entry.index), entry.value / temperature, 0});
  }
}

// Probabilities from scores; returns the largest.
double Sampler::normalise() {
  float largest = -std::numeric_limits<float>::infinity();
  for (const Candidate& c : kept_) largest = std::max(largest, c.score);
  double sum = 0;
  for (Candidate& c : kept_) {
    c.probability = std::exp(static_cast<double>(c.score) - static_cast<double>(largest));
    sum += c.probability;
  }
  for (Candidate& c : kept_) c.probability /= sum;
  return 1 / sum;
}

// As many of the likeliest as hold top_h of the entropy of the 100 likeliest.
void Sampler::keep_top_h() {
  std::ranges::sort(kept_, likelier);
  if (kept_.size() > 100) kept_.resize(100);
  normalise();
  const double limit = entropy(kept_) * *options_.top_h;
  double sum = 0;
  size_t count = 0;
  for (const Candidate& c : kept_) {
    if (c.probability > 0) sum -= c.probability * std::log(c.probability);
    if (sum > limit) break;
    ++count;
  }
  kept_.resize(std::max<size_t>(count, 1));
  if (options_.top_k > 0 && kept_.size() > static_cast<size_t>(options_.top_k)) {
    const float least = kept_[static_cast<size_t>(options_.top_k) - 1].score;
    std::erase_if(kept_, [&](const Candidate& c) { return c.score < least; });
  }
  std::ranges::sort(kept_, by_token);
}

// The likeliest until their probabilities reach top_p; a heap, since they are few.
void Sampler::keep_top_p() {
  normalise();
  const auto later = [](const Candidate& a, const Candidate& b) { return likelier(b, a); };
  std::ranges::make_heap(kept_, later);
  sorted_.clear();
  double mass = 0;
  while (!kept_.empty() && (sorted_.empty() || mass < options_.top_p)) {
    std::ranges::pop_heap(kept_, later);
    sorted_.push_back(kept_.back());
    mass += kept_.back().probability;
    kept_.pop_back();
  }
  kept_.swap(sorted_);
  std::ranges::sort(kept_, by_token);
}

// Those whose surprise is nearest to the entropy, until their probabilities reach typical_p.
void Sampler::keep_typical() {
  normalise();
  const double expected = entropy(kept_);
  const auto distance = [&](const Candidate& c) {
    return std::fabs(-std::log(c.probability) - expected);
  };
  sorted_ = kept_;
  std::ranges::sort(sorted_, [&](const Candidate& a, const Candidate& b) {
    const double da = distance(a);
    const double db = distance(b);
    return da != db ? da < db : a.token < b.token;
  });
  double mass = 0;
  size_t last = 0;
  for (const Candidate& c : sorted_) {
    mass += c.probability;
    if (mass >= options_.typical_p) break;
    ++last;
  }
  const double most = distance(sorted_[std::min(last, sorted_.size() - 1)]);
  std::erase_if(kept_, [&](const Candidate& c) { return distance(c) > most; });
}

// Those whose probability is not below a bound; the likeliest always stay.
void Sampler::keep_likely() {
  const auto keep_above = [&](double bound) {
    const double largest = std::ranges::max(kept_, {}, &Candidate::probability).probability;
    std::erase_if(kept_, [&](const Candidate& c) {
      return c.probability < bound && c.probability < largest;
    });
  };
  if (options_.epsilon_cutoff > 0) {
    normalise();
    keep_above(options_.epsilon_cutoff);
  }
  if (options_.eta_cutoff > 0) {
    normalise();
    const double epsilon = options_.eta_cutoff;
    keep_above(std::min(epsilon, std::sqrt(epsilon) * std::exp(-entropy(kept_))));
  }
}

const std::vector<Candidate>& Sampler::distribution(std::span<const float> scores) {
  collect(scores);
  if (options_.top_h) keep_top_h();
  if (options_.top_p < 1) keep_top_p();
  if (options_.min_p) {
    const double bound = normalise() * *options_.min_p;
    std::erase_if(kept_, [&](const Candidate& c) { return c.probability < bound; });
  }
  if (options_.typical_p < 1) keep_typical();
  keep_likely();
  normalise();
  return kept_;
}

Token draw(const std::vector<Candidate>& candidates, double uniform) {
  double sum = 0;
  for (const Candidate& c : candidates) {
    sum += c.probability;
    if (uniform < sum) return c.token;
  }
  return candidates.back().token;  // the sum rounded to less than 1
}

Token pick_greedy(std::span<const float> scores) {
  std::vector<Scored> best;
  top_k(scores, 1, best);
  return static_cast<Token>(best.front().index);
}

}  // namespace transept
