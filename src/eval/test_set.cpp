#include "eval/test_set.h"

#include "base/error.h"

namespace transept {

void check_test_set(const TestSet& set) {
  check(!set.hypotheses.empty(), ErrorCode::usage, "there are no lines to score");
  check(set.hypotheses.size() == set.references.size(), ErrorCode::usage,
        "{} hypotheses, but references for {} lines; each line needs both", set.hypotheses.size(),
        set.references.size());
  for (size_t i = 0; i < set.references.size(); ++i)
    check(!set.references[i].empty(), ErrorCode::usage, "line {} has no reference", i + 1);
}

std::string reference_count(const TestSet& set) {
  for (const auto& references : set.references)
    if (references.size() != set.references[0].size()) return "var";
  return std::to_string(set.references[0].size());
}

std::string version_field() {
  return "version:transept-" TRANSEPT_VERSION;
}

}  // namespace transept
