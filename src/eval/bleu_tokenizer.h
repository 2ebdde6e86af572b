// The tokenizers that BLEU is defined on, by sacrebleu's names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace transept {

// "13a" (mteval-v13a, the default), "intl" (mteval-v14's international), "zh", "char", "none".
[[nodiscard]] const std::vector<std::string>& bleu_tokenizers();

// The text with spaces between its tokens. Error usage for an unknown name.
[[nodiscard]] std::string tokenize_for_bleu(std::string_view text, std::string_view tokenizer);

}  // namespace transept
