// What one request may list, on whatever surface. The one table: docs/serving.md has it too. A list
// is counted before anything is made of its elements.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace transept::serve {

inline constexpr std::size_t kMostTexts = 1024;         // inputs, prompts, messages, their parts
inline constexpr std::size_t kMostFields = 2048;        // of a form, a query or a flat object
inline constexpr std::size_t kMostKept = 4096;          // row ranges of "keep"
inline constexpr std::size_t kMostStops = 64;           // texts at which an answer ends,
inline constexpr std::size_t kMostStopBytes = 4096;     // and all of them together
inline constexpr std::size_t kMostOccluded = 1024;      // rows that are left out in turn
inline constexpr std::size_t kMostListedTokens = 4096;  // of each list of a search option
inline constexpr std::size_t kMostEndMarks = 16;        // each makes every beam weigh more

// The elements of an array. Error limit, saying how many there are and may be; `what` they are.
[[nodiscard]] std::vector<Json> elements_of(const Json& array, std::size_t most, const char* what);

// The lists among generation_config.json's options, see set_options. Error limit.
void check_option_lists(const Json& options);

}  // namespace transept::serve
