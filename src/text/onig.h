// Translates regular expressions from Oniguruma's syntax to ICU's.
#pragma once

#include <string>
#include <string_view>

namespace transept {

// The translation, for the flags multi-line and Unix lines. Classes like \p{L} or \s become the
// very sets that the reference's Oniguruma has. Constructs that differ between the two, or that are
// not known to be alike, are an Error unsupported that names `where`.
[[nodiscard]] std::string translate_onig(std::string_view pattern, const std::string& where);

}  // namespace transept
