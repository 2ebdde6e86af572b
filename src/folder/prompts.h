// The prompts that a model's folder says its decoder knows, and how people spell them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/tasks.h"

namespace transept {

class Prompts {
 public:
  Prompts() = default;
  explicit Prompts(const std::vector<NamedTask>& tasks);

  // The first wording of each, in the folder's order. Empty: the folder lists none, so any text may
  // be a prompt.
  [[nodiscard]] const std::vector<std::string>& all() const { return first_wordings_; }
  // What somebody means who names no prompt: the folder's first, or "".
  [[nodiscard]] std::string_view usual() const;

  // A prompt as the model learned it, from one that is, case aside, one of its wordings, the
  // beginning of one, or one with more behind it (what the answer has to begin with). Error usage
  // that lists the prompts for another text.
  [[nodiscard]] std::string spelled(std::string_view prompt) const;

 private:
  std::vector<std::string> first_wordings_;
  std::vector<std::string> wordings_;
};

}  // namespace transept
