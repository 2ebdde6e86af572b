// Help texts and shell completion, both from the verbs' own lists of options.
#pragma once

#include <string>

#include "common.h"

namespace transept::cli {

[[nodiscard]] std::string general_help();
[[nodiscard]] std::string verb_help(const VerbEntry& verb, const Options& options);
// Shell: bash, zsh or fish. Error usage for another.
[[nodiscard]] std::string completion(const std::string& shell);

}  // namespace transept::cli
