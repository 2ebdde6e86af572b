// Top-k: Fan et al. 2018; top-p: Holtzman et al. 2020; typical: Meister et al. 2022; epsilon and
// eta: Hewitt et al. 2022; min-p: Nguyen et al. 2024; top-h: Potraghloo et al. 2025. Where texts
// differ from transformers 5.24, the latter counts. Probabilities are in double here, in float
// there.
#include "generate/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace transept {
namespace {

bool likelier(const Candidate& a, const Candidate& b) {
  return a.score != b.score ? a.score > b.score : a.token < b.token;
}

bool by_token(const Candidate& a, const Candidate& b) {
  return a.token < b.token;
}

// Calls take(candidate) in the order `before` until it returns false. Few of many are taken: a
// heap.
template <class Before, class Take>
void take_in_order(std::vector<Candidate>& candidates, Before before, Take take) {
  const auto after = [&](const Candidate& a, const Candidate& b) { return before(b, a); };
  std::ranges::make_heap(candidates, after);
  while (!candidates.empty()) {
    std::ranges::pop_heap(candidates, after);
    const Candidate first = candidates.back();
    candidates.pop_back();
    if (!take(first)) return;
  }
}

constexpr size_t kMany = 1024;  // from here on exponentials come from the kernel

}  // namespace

// The candidates that top-k leaves, or what may be in top-p where that comes first. True if they
// have their probabilities.
bool Sampler::collect() {
  kept_.clear();
  found_.clear();
  if (options_.top_k == 0 && !options_.top_h && options_.top_p < 1 && collect_nucleus()) {
    return true;
  }
  float least = -std::numeric_limits<float>::max();
  if (options_.top_k > 0 && !options_.top_h) {
    top_k(*kernels_, scores_, options_.top_k, found_);
    least = std::max(least, found_.back().value);  // equals of the last one stay
    found_.clear();
  }
  select_at_least(*kernels_, scores_, least, found_);
  if (found_.empty())
    found_.push_back({pick_greedy(*kernels_, scores_), 0});  // everything is banned
  for (const Scored& entry : found_) kept_.push_back({entry.index, entry.value, 0});
  return false;
}

// A superset of the likeliest that hold top_p, without a look at the others; false if those are
// many.
bool Sampler::collect_nucleus() {
  const LogNorm norm = log_norm(*kernels_, scores_);
  top_k(*kernels_, scores_, 64, found_);
  double mass = 0;
  for (const Scored& entry : found_) mass += std::exp(static_cast<double>(norm.of(entry.value)));
  if (!(mass > options_.top_p + 1e-4)) return false;  // also where everything is banned
  log_norm_ = static_cast<double>(norm.largest) + static_cast<double>(norm.log_sum);
  std::erase_if(found_, [](const Scored& entry) { return std::isinf(entry.value); });
  for (const Scored& entry : found_) {
    kept_.push_back({entry.index, entry.value, std::exp(double{entry.value} - log_norm_)});
  }
  return true;
}

double Sampler::log_probability(const Candidate& c) const {
  return static_cast<double>(c.score) - log_norm_;
}

double Sampler::entropy() const {
  double sum = 0;
  for (const Candidate& c : kept_) sum -= c.probability * log_probability(c);
  return sum;
}

// Probabilities from scores; returns the largest.
double Sampler::normalise() {
  float largest = -std::numeric_limits<float>::infinity();
  for (const Candidate& c : kept_) largest = std::max(largest, c.score);
  double sum = 0;
  if (kept_.size() < kMany) {
    for (Candidate& c : kept_) {
      c.probability = std::exp(static_cast<double>(c.score) - static_cast<double>(largest));
    }
  } else {
    buffer_.clear();
    for (const Candidate& c : kept_) buffer_.push_back(c.score);
    const int n = static_cast<int>(buffer_.size());
    kernels_->softmax(buffer_.data(), nullptr, 1, n, n);
    for (size_t i = 0; i < kept_.size(); ++i) kept_[i].probability = double{buffer_[i]};
  }
  double most = 0;
  for (const Candidate& c : kept_) {
    sum += c.probability;
    most = std::max(most, c.probability);
  }
  for (Candidate& c : kept_) c.probability /= sum;
  log_norm_ = static_cast<double>(largest) - std::log(most / sum);
  return most / sum;
}

// As many of the likeliest as hold top_h of the entropy of the 100 likeliest.
void Sampler::keep_top_h() {
  std::ranges::sort(kept_, likelier);
  if (kept_.size() > 100) kept_.resize(100);
  normalise();
  const double limit = entropy() * *options_.top_h;
  double sum = 0;
  size_t count = 0;
  for (const Candidate& c : kept_) {
    sum -= c.probability * log_probability(c);
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

// The likeliest until their probabilities reach top_p.
void Sampler::keep_top_p() {
  sorted_.clear();
  double mass = 0;
  take_in_order(kept_, likelier, [&](const Candidate& c) {
    sorted_.push_back(c);
    mass += c.probability;
    return mass < options_.top_p;
  });
  kept_.swap(sorted_);
  std::ranges::sort(kept_, by_token);
}

// Those whose surprise is nearest to the entropy, until their probabilities reach typical_p.
void Sampler::keep_typical() {
  normalise();
  const double expected = entropy();
  const auto distance = [&](const Candidate& c) {
    return std::fabs(-log_probability(c) - expected);
  };
  const auto nearer = [&](const Candidate& a, const Candidate& b) {
    const double da = distance(a);
    const double db = distance(b);
    return da != db ? da < db : a.token < b.token;
  };
  sorted_ = kept_;
  double mass = 0;
  double most = 0;
  take_in_order(sorted_, nearer, [&](const Candidate& c) {
    mass += c.probability;
    most = distance(c);
    return mass < options_.typical_p;
  });
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
    keep_above(std::min(epsilon, std::sqrt(epsilon) * std::exp(-entropy())));
  }
}

const std::vector<Candidate>& Sampler::distribution(const KernelTable& kernels,
                                                    std::span<const float> scores) {
  kernels_ = &kernels;
  scores_.assign(scores.begin(), scores.end());
  if (options_.temperature != 1) {
    const auto temperature = static_cast<float>(options_.temperature);
    for (float& score : scores_) score /= temperature;
  }
  const bool normalised = collect();
  if (options_.top_h) keep_top_h();
  if (options_.top_p < 1) {
    if (!normalised) normalise();
    keep_top_p();
  }
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

Token pick_greedy(const KernelTable& kernels, std::span<const float> scores) {
  return kernels.index_of_largest(scores.data(), static_cast<int>(scores.size()));
}

}  // namespace transept
