// Counting n-grams of words or characters, exactly: no hashing of their contents.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace transept {

constexpr int kLongestNgram = 6;
// Ids of the members in order; the places behind the last are 0.
using Ngram = std::array<uint32_t, kLongestNgram>;
// Sorted by n-gram, each once.
using NgramCounts = std::vector<std::pair<Ngram, int64_t>>;

// Of the orders 1 … `highest`, one after the other. No member is 0.
[[nodiscard]] std::vector<NgramCounts> count_ngrams(std::span<const uint32_t> members, int highest);
[[nodiscard]] int64_t total(const NgramCounts& counts);
// The n-grams of both, each with the lower count: how many were matched.
[[nodiscard]] int64_t n_matches(const NgramCounts& a, const NgramCounts& b);
// The n-grams of either, each with the higher count.
[[nodiscard]] NgramCounts maximum(const NgramCounts& a, const NgramCounts& b);

// Gives each distinct word an id, from 1.
class WordIds {
 public:
  [[nodiscard]] std::vector<uint32_t> ids(const std::vector<std::string_view>& words);

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view word) const { return std::hash<std::string_view>{}(word); }
  };
  std::unordered_map<std::string, uint32_t, Hash, std::equal_to<>> known_;
};

}  // namespace transept
