#include "eval/bleu.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/error.h"
#include "eval/bleu_tokenizer.h"
#include "eval/characters.h"
#include "eval/ngrams.h"

namespace transept {
namespace {

struct Counts {
  std::array<double, kBleuOrder> matched{};  // doubles: add-k adds a fraction
  std::array<double, kBleuOrder> total{};
  int64_t hypothesis_length = 0;
  int64_t reference_length = 0;
};

class Counter {
 public:
  explicit Counter(const BleuOptions& options) : options_(options) {}

  void add(const std::string& hypothesis, const std::vector<std::string>& references) {
    const std::vector<uint32_t> words = tokens(hypothesis);
    const auto length = static_cast<int64_t>(words.size());
    std::array<NgramCounts, kBleuOrder> allowed;
    int64_t closest = -1;
    for (const std::string& reference : references) {
      const std::vector<uint32_t> other = tokens(reference);
      const auto n = static_cast<int64_t>(other.size());
      if (closest < 0 ||
          std::pair(std::abs(n - length), n) < std::pair(std::abs(closest - length), closest))
        closest = n;
      const std::vector<NgramCounts> wanted = count_ngrams(other, kBleuOrder);
      for (size_t i = 0; i < kBleuOrder; ++i) allowed[i] = maximum(allowed[i], wanted[i]);
    }
    const std::vector<NgramCounts> found = count_ngrams(words, kBleuOrder);
    for (size_t i = 0; i < kBleuOrder; ++i) {
      counts_.matched[i] += static_cast<double>(n_matches(found[i], allowed[i]));
      counts_.total[i] += static_cast<double>(total(found[i]));
    }
    counts_.hypothesis_length += length;
    counts_.reference_length += closest;
  }

  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  std::vector<uint32_t> tokens(const std::string& text) {
    const std::string cased = options_.lowercase ? lowercase(text) : text;
    const std::string_view ended = std::string_view(cased).substr(
        0, static_cast<size_t>(strip_spaces(cased).end() - std::string_view(cased).begin()));
    return words_.ids(split_at_spaces(tokenize_for_bleu(ended, options_.tokenizer)));
  }

  const BleuOptions& options_;
  WordIds words_;
  Counts counts_;
};

double smoothing_value(const BleuOptions& options) {
  if (options.smoothing_value >= 0) return options.smoothing_value;
  return options.smoothing == "add-k" ? 1.0 : 0.1;
}

std::string signature(const TestSet& set, const BleuOptions& options) {
  std::string smoothing = options.smoothing;
  if (smoothing == "floor" || smoothing == "add-k")
    smoothing += fmt::format("[{:.2f}]", smoothing_value(options));
  return fmt::format("nrefs:{}|case:{}|eff:{}|tok:{}|smooth:{}|{}", reference_count(set),
                     options.lowercase ? "lc" : "mixed", options.effective_order ? "yes" : "no",
                     options.tokenizer, smoothing, version_field());
}

// Sets precisions and score from the counts; no match at all is 0 whatever the smoothing.
void score_counts(Counts counts, const BleuOptions& options, BleuScore& out) {
  if (out.hypothesis_length < out.reference_length) {
    const auto hypothesis = static_cast<double>(out.hypothesis_length);
    out.brevity_penalty =
        hypothesis > 0 ? std::exp(1 - static_cast<double>(out.reference_length) / hypothesis) : 0;
  }
  const auto is_matched = [](double n) { return n > 0; };
  if (std::none_of(counts.matched.begin(), counts.matched.end(), is_matched)) return;
  const double value = smoothing_value(options);
  double halving = 1;
  size_t orders = kBleuOrder;
  for (size_t i = 0; i < kBleuOrder; ++i) {
    if (options.smoothing == "add-k" && i > 0) {
      counts.matched[i] += value;
      counts.total[i] += value;
    }
    if (counts.total[i] == 0) break;
    if (options.effective_order) orders = i + 1;
    if (counts.matched[i] > 0) {
      out.precisions[i] = 100 * counts.matched[i] / counts.total[i];
    } else if (options.smoothing == "exp") {
      halving *= 2;
      out.precisions[i] = 100 / (halving * counts.total[i]);
    } else if (options.smoothing == "floor") {
      out.precisions[i] = 100 * value / counts.total[i];
    }
  }
  double sum = 0;
  for (size_t i = 0; i < orders; ++i) {
    if (out.precisions[i] == 0) return;
    sum += std::log(out.precisions[i]);
  }
  out.score = out.brevity_penalty * std::exp(sum / static_cast<double>(orders));
}

}  // namespace

std::string BleuScore::detail() const {
  const double ratio = reference_length > 0 ? static_cast<double>(hypothesis_length) /
                                                  static_cast<double>(reference_length)
                                            : 0;
  return fmt::format(
      "{:.1f}/{:.1f}/{:.1f}/{:.1f} (BP = {:.3f} ratio = {:.3f} hyp_len = {} ref_len = {})",
      precisions[0], precisions[1], precisions[2], precisions[3], brevity_penalty, ratio,
      hypothesis_length, reference_length);
}

BleuScore bleu(const TestSet& set, const BleuOptions& options) {
  check_test_set(set);
  const std::string& smoothing = options.smoothing;
  check(smoothing == "exp" || smoothing == "floor" || smoothing == "add-k" || smoothing == "none",
        ErrorCode::usage, "BLEU smoothing '{}': expected exp, floor, add-k or none", smoothing);
  Counter counter(options);
  for (size_t i = 0; i < set.hypotheses.size(); ++i)
    counter.add(set.hypotheses[i], set.references[i]);
  const Counts& counts = counter.counts();
  BleuScore out;
  out.hypothesis_length = counts.hypothesis_length;
  out.reference_length = counts.reference_length;
  out.signature = signature(set, options);
  score_counts(counts, options, out);
  return out;
}

}  // namespace transept
