// The normalizer "Precompiled": SentencePiece's character map applied as Hugging Face does,
// grapheme by grapheme.
#pragma once

#include <memory>

#include "base/json.h"
#include "text/normalizers.h"

namespace transept {

[[nodiscard]] std::unique_ptr<Normalizer> make_precompiled(const Json& json);

}  // namespace transept
