// What is wrong with a text that should be JSON, in words: line, column and reason.
#pragma once

#include <cstddef>
#include <string_view>

namespace transept {

// Throws Error bad_data. Unless `what` says it already, the reason is found in the text: the first
// malformed string, else what stands at `place` where it should not.
[[noreturn]] void fail_json(std::string_view name, std::string_view text, size_t place,
                            std::string_view what);

}  // namespace transept
