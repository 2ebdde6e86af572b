// The parts of BERT, RoBERTa and GPT-2 that an EncoderDecoderModel is put together from.
#pragma once

#include <string>

#include "io/import/import.h"

namespace transept {

[[nodiscard]] bool is_bert_kind(std::string_view model_type);  // bert, roberta, xlm-roberta

// As encoder; a decoder is the same plus a causal mask and cross-attention.
[[nodiscard]] StackConfig read_bert_stack(const Json& json);
// `theirs`: "bert.", "encoder.", "decoder.roberta."
void name_bert_stack(Names& names, const StackConfig& s, const std::string& side,
                     const std::string& theirs);
void add_bert_head(const Json& json, const std::string& theirs, Imported& out);

[[nodiscard]] StackConfig read_gpt2_stack(const Json& json);
void name_gpt2_stack(Names& names, const StackConfig& s, const std::string& theirs);
void add_gpt2_head(const Json& json, const std::string& head, const std::string& table,
                   Imported& out);

}  // namespace transept
