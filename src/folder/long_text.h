// Inputs that are longer than a model reads.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace transept {

enum class TooLong {
  error,
  skip,   // no answer
  split,  // in parts that fit, each answered, the answers joined
  cut,    // the beginning alone
};

[[nodiscard]] TooLong too_long_named(std::string_view name);  // Error usage

// The text in parts that fit, in order; together they hold all of it but the white space between
// them. A part ends with a sentence if it can, else with a word, else inside one. `fits` has to
// hold for a single character.
[[nodiscard]] std::vector<std::string> split_text(
    std::string_view text, const std::function<bool(std::string_view part)>& fits);

}  // namespace transept
