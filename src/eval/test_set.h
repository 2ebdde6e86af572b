// What every metric compares: hypotheses and, for each, the references it is measured against.
#pragma once

#include <string>
#include <vector>

namespace transept {

// Texts must be valid UTF-8. references[i] belongs to hypotheses[i] and holds at least one.
struct TestSet {
  std::vector<std::string> hypotheses;
  std::vector<std::vector<std::string>> references;
};

// Error usage if there is nothing to compare, the sides differ in length, or a reference is
// missing.
void check_test_set(const TestSet& set);

// "1", "4", or "var" where the number of references differs: as signatures have it.
[[nodiscard]] std::string reference_count(const TestSet& set);

// The last field of every signature: these figures are ours, equal to the named tools' by test.
[[nodiscard]] std::string version_field();

}  // namespace transept
