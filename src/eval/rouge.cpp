#include "eval/rouge.h"

#include <fmt/format.h>

#include <algorithm>

#include "eval/characters.h"
#include "eval/ngrams.h"
#include "eval/porter_stemmer.h"

namespace transept {
namespace {

struct Parts {
  double precision = 0;
  double recall = 0;
  [[nodiscard]] double f_measure() const {
    const double sum = precision + recall;
    return sum > 0 ? 2 * precision * recall / sum : 0;
  }
};

Parts parts(int64_t matched, size_t n_hypothesis, size_t n_reference) {
  const auto share = [&](size_t n) {
    return static_cast<double>(matched) / static_cast<double>(std::max<size_t>(n, 1));
  };
  return {share(n_hypothesis), share(n_reference)};
}

using Words = std::vector<uint32_t>;

// Lengths of the longest common subsequences of all prefixes; row i, column j of [a + 1, b + 1].
class CommonSubsequence {
 public:
  CommonSubsequence(const Words& a, const Words& b)
      : a_(a), b_(b), columns_(b.size() + 1), lengths_((a.size() + 1) * columns_) {
    for (size_t i = 1; i <= a.size(); ++i)
      for (size_t j = 1; j <= b.size(); ++j)
        at(i, j) =
            a[i - 1] == b[j - 1] ? at(i - 1, j - 1) + 1 : std::max(at(i - 1, j), at(i, j - 1));
  }

  [[nodiscard]] uint32_t length() const { return lengths_.back(); }

  // Marks the members of `a` in one of the longest: the one rouge-score walks back.
  void mark(std::vector<bool>& members) {
    size_t i = a_.size();
    size_t j = b_.size();
    while (i > 0 && j > 0) {
      if (a_[i - 1] == b_[j - 1]) {
        members[--i] = true;
        --j;
      } else if (at(i, j - 1) > at(i - 1, j)) {
        --j;
      } else {
        --i;
      }
    }
  }

 private:
  uint32_t& at(size_t i, size_t j) { return lengths_[i * columns_ + j]; }
  const Words& a_;
  const Words& b_;
  size_t columns_;
  std::vector<uint32_t> lengths_;
};

class Scorer {
 public:
  Scorer(RougeKind kind, const RougeOptions& options) : kind_(kind), options_(options) {}

  Parts score(const std::string& hypothesis, const std::string& reference) {
    if (kind_ == RougeKind::rouge_lsum) return summary(sentences(hypothesis), sentences(reference));
    const Words words = tokens(hypothesis);
    const Words other = tokens(reference);
    if (kind_ == RougeKind::rouge_l)
      return parts(CommonSubsequence(other, words).length(), words.size(), other.size());
    const int n = kind_ == RougeKind::rouge1 ? 1 : 2;
    const NgramCounts found = count_ngrams(words, n).back();
    const NgramCounts wanted = count_ngrams(other, n).back();
    return parts(n_matches(found, wanted), static_cast<size_t>(total(found)),
                 static_cast<size_t>(total(wanted)));
  }

 private:
  Words tokens(std::string_view text) {
    std::string line = lowercase(text);
    for (char& c : line)
      if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')) c = ' ';
    const std::vector<std::string_view> words = split_at_spaces(line);
    if (!options_.stemmer) return ids_.ids(words);
    std::vector<std::string> stems;
    stems.reserve(words.size());
    constexpr size_t kShortest = 4;
    for (const std::string_view word : words)
      stems.push_back(word.size() < kShortest ? std::string(word) : porter_stem(std::string(word)));
    return ids_.ids({stems.begin(), stems.end()});
  }

  std::vector<Words> sentences(std::string_view text) {
    std::vector<Words> all;
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      if (end > begin) all.push_back(tokens(text.substr(begin, end - begin)));
      begin = end + 1;
    }
    return all;
  }

  // Lin 2004, section 3.2, with each word counted no more often than it occurs, as ROUGE 1.5.5 has.
  static Parts summary(const std::vector<Words>& hypothesis, const std::vector<Words>& reference) {
    std::vector<int64_t> left;  // per word: how often it may still be matched
    std::vector<int64_t> left_in_reference;
    const auto count = [](const std::vector<Words>& text, std::vector<int64_t>& counts) {
      size_t n = 0;
      for (const Words& sentence : text) {
        n += sentence.size();
        for (const uint32_t word : sentence) {
          if (word >= counts.size()) counts.resize(word + 1);
          ++counts[word];
        }
      }
      return n;
    };
    const size_t n_hypothesis = count(hypothesis, left);
    const size_t n_reference = count(reference, left_in_reference);
    left.resize(std::max(left.size(), left_in_reference.size()));
    int64_t matched = 0;
    for (const Words& sentence : reference) {
      std::vector<bool> members(sentence.size());
      for (const Words& other : hypothesis) CommonSubsequence(sentence, other).mark(members);
      for (size_t i = 0; i < sentence.size(); ++i) {
        const uint32_t word = sentence[i];
        if (!members[i] || left[word] == 0 || left_in_reference[word] == 0) continue;
        ++matched;
        --left[word];
        --left_in_reference[word];
      }
    }
    return parts(matched, n_hypothesis, n_reference);
  }

  RougeKind kind_;
  RougeOptions options_;
  WordIds ids_;
};

const char* name_of(RougeKind kind) {
  switch (kind) {
    case RougeKind::rouge1:
      return "rouge1";
    case RougeKind::rouge2:
      return "rouge2";
    case RougeKind::rouge_l:
      return "rougeL";
    case RougeKind::rouge_lsum:
      break;
  }
  return "rougeLsum";
}

}  // namespace

RougeScore rouge(const TestSet& set, RougeKind kind, const RougeOptions& options) {
  check_test_set(set);
  Scorer scorer(kind, options);
  RougeScore out;
  out.name = name_of(kind);
  for (size_t i = 0; i < set.hypotheses.size(); ++i) {
    Parts best;
    double best_f = -1;
    for (const std::string& reference : set.references[i]) {
      const Parts these = scorer.score(set.hypotheses[i], reference);
      if (these.f_measure() <= best_f) continue;
      best_f = these.f_measure();
      best = these;
    }
    out.precision += best.precision;
    out.recall += best.recall;
    out.f_measure += best_f;
  }
  const auto n = static_cast<double>(set.hypotheses.size());
  out.precision /= n;
  out.recall /= n;
  out.f_measure /= n;
  out.signature = fmt::format("nrefs:{}|stem:{}|{}", reference_count(set),
                              options.stemmer ? "yes" : "no", version_field());
  return out;
}

}  // namespace transept
