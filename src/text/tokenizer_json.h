// Reads tokenizer.json, the one-file format of Hugging Face's tokenizers.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "text/pipeline.h"
#include "text/tokenizer.h"

namespace transept {

// `name` appears in errors. Error bad_data for contents that are wrong, unsupported for parts that
// transept does not have; both name the place. Settings for padding and truncation are not applied.
[[nodiscard]] PipelineParts read_tokenizer_json(std::string_view text, const std::string& name);

}  // namespace transept
