#include "eval/chrf.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/utf8.h"
#include "eval/characters.h"
#include "eval/ngrams.h"

namespace transept {
namespace {

struct OrderCounts {
  int64_t hypothesis = 0;
  int64_t reference = 0;
  int64_t matched = 0;
};

bool is_ascii_punctuation(char c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
         (c >= '{' && c <= '~');
}

// Words with one mark of punctuation split off: the last character if it is one, else the first.
std::vector<std::string_view> split_punctuation(std::string_view text) {
  std::vector<std::string_view> words;
  for (const std::string_view word : split_at_spaces(text)) {
    if (count_code_points(word) > 1 && is_ascii_punctuation(word.back())) {
      words.push_back(word.substr(0, word.size() - 1));
      words.push_back(word.substr(word.size() - 1));
    } else if (count_code_points(word) > 1 && is_ascii_punctuation(word.front())) {
      words.push_back(word.substr(0, 1));
      words.push_back(word.substr(1));
    } else {
      words.push_back(word);
    }
  }
  return words;
}

class Counter {
 public:
  explicit Counter(const ChrfOptions& options)
      : options_(options),
        sums_(static_cast<size_t>(options.char_order) + static_cast<size_t>(options.word_order)) {}

  void add(const std::string& hypothesis, const std::vector<std::string>& references) {
    const std::vector<NgramCounts> found = ngrams(hypothesis);
    std::vector<OrderCounts> best;
    double best_score = -1;
    for (const std::string& reference : references) {
      const std::vector<NgramCounts> wanted = ngrams(reference);
      std::vector<OrderCounts> counts(found.size());
      for (size_t i = 0; i < counts.size(); ++i) {
        // An order that the reference is too short for does not count against the hypothesis.
        counts[i] = {wanted[i].empty() ? 0 : total(found[i]), total(wanted[i]),
                     n_matches(found[i], wanted[i])};
      }
      const double score = f_score(counts);
      if (score <= best_score) continue;
      best_score = score;
      best = std::move(counts);
    }
    for (size_t i = 0; i < sums_.size(); ++i) {
      sums_[i].hypothesis += best[i].hypothesis;
      sums_[i].reference += best[i].reference;
      sums_[i].matched += best[i].matched;
    }
  }

  [[nodiscard]] double score() const { return f_score(sums_); }

 private:
  // One per order: characters without spaces, then words.
  std::vector<NgramCounts> ngrams(const std::string& original) {
    const std::string text = options_.lowercase ? lowercase(original) : original;
    std::vector<uint32_t> characters;
    for (const char32_t c : code_points(text))
      if (!is_space(c)) characters.push_back(static_cast<uint32_t>(c) + 1);
    std::vector<NgramCounts> all = count_ngrams(characters, options_.char_order);
    if (options_.word_order == 0) return all;
    const std::vector<uint32_t> words = words_.ids(split_punctuation(text));
    for (NgramCounts& counts : count_ngrams(words, options_.word_order))
      all.push_back(std::move(counts));
    return all;
  }

  // Mean precision and recall over the orders that both sides have, then their F-score.
  [[nodiscard]] double f_score(const std::vector<OrderCounts>& counts) const {
    double precision = 0;
    double recall = 0;
    int orders = 0;
    for (const OrderCounts& c : counts) {
      if (c.hypothesis == 0 || c.reference == 0) continue;
      precision += static_cast<double>(c.matched) / static_cast<double>(c.hypothesis);
      recall += static_cast<double>(c.matched) / static_cast<double>(c.reference);
      ++orders;
    }
    if (orders == 0 || precision + recall == 0) return 0;
    precision /= orders;
    recall /= orders;
    const double factor = options_.beta * options_.beta;
    return 100 * (1 + factor) * precision * recall / (factor * precision + recall);
  }

  const ChrfOptions& options_;
  WordIds words_;
  std::vector<OrderCounts> sums_;
};

}  // namespace

ChrfScore chrf(const TestSet& set, const ChrfOptions& options) {
  check_test_set(set);
  check(options.char_order >= 1 && options.char_order <= kLongestNgram && options.word_order >= 0 &&
            options.word_order <= kLongestNgram && options.beta >= 1,
        ErrorCode::usage, "chrF: orders {} and {}, beta {}: expected 1 … 6, 0 … 6, 1 or more",
        options.char_order, options.word_order, options.beta);
  Counter counter(options);
  for (size_t i = 0; i < set.hypotheses.size(); ++i)
    counter.add(set.hypotheses[i], set.references[i]);
  return {fmt::format("chrF{}{}", options.beta,
                      std::string(static_cast<size_t>(options.word_order), '+')),
          counter.score(),
          fmt::format("nrefs:{}|case:{}|eff:yes|nc:{}|nw:{}|space:no|{}", reference_count(set),
                      options.lowercase ? "lc" : "mixed", options.char_order, options.word_order,
                      version_field())};
}

}  // namespace transept
