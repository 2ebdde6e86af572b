// The language codes of multilingual models, in the order of their ids (transformers 5.24).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace transept {

[[nodiscard]] std::vector<std::string> m2m100_languages();   // "fr": the token is __fr__
[[nodiscard]] std::vector<std::string> wmt21_languages();    // of M2M100's WMT 2021 models
[[nodiscard]] std::vector<std::string> mbart_languages();    // "fr_XX"
[[nodiscard]] std::vector<std::string> mbart50_languages();  // "fr_XX"
[[nodiscard]] std::vector<std::string> nllb_languages();     // "fra_Latn"

// The code that a special token stands for, by its form: "fra_Latn" and "fr_XX" themselves, "fr"
// for "__fr__" and ">>fr<<"; empty for any other piece.
[[nodiscard]] std::string_view code_of_token(std::string_view piece);

}  // namespace transept
