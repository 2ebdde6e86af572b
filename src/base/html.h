// Texts in pages that are one self-contained file.
#pragma once

#include <string>
#include <string_view>

namespace transept {

// As the content of an element or the value of an attribute in double quotes.
[[nodiscard]] std::string html_text(std::string_view text);
// JSON as the content of a script element: "<" would let a text close it.
[[nodiscard]] std::string json_in_script(std::string_view json);

}  // namespace transept
