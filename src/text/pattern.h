// What Replace and Split look for: a text, or a regular expression in the syntax of Oniguruma, as
// far as it means the same here; what does not is an Error unsupported.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace transept {

struct Match {
  size_t begin = 0;
  size_t end = 0;
};

class Pattern {
 public:
  // {"String": "…"} or {"Regex": "…"}
  explicit Pattern(const Json& json);
  explicit Pattern(std::string literal);
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;
  ~Pattern();

  // All matches from left to right; they do not overlap.
  [[nodiscard]] std::vector<Match> find_all(std::string_view text) const;

 private:
  class Regex;
  void find_literal(std::string_view text, std::vector<Match>& out) const;
  void find_runs(std::string_view text, std::vector<Match>& out) const;

  std::string literal_;
  size_t least_ = 0;              // if not 0: runs of at least this many times literal_
  std::unique_ptr<Regex> regex_;  // if set: this
};

}  // namespace transept
