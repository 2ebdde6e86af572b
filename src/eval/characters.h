// Text as Python's str methods see it, since the metrics' definitions are Python programs: what
// split(), strip() and lower() do, and the general categories (Unicode, through ICU).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace transept {

[[nodiscard]] bool is_space(char32_t c);        // str.isspace, and \s of the module re
[[nodiscard]] bool is_punctuation(char32_t c);  // \p{P}
[[nodiscard]] bool is_symbol(char32_t c);       // \p{S}
[[nodiscard]] bool is_number(char32_t c);       // \p{N}

[[nodiscard]] std::string lowercase(std::string_view text);
[[nodiscard]] std::vector<std::string_view> split_at_spaces(std::string_view text);
[[nodiscard]] std::string_view strip_spaces(std::string_view text);
[[nodiscard]] std::u32string code_points(std::string_view text);

}  // namespace transept
