// generate(): one request from beginning to end. For many at once see scheduler.h.
#pragma once

#include <functional>
#include <vector>

#include "generate/session.h"
#include "model/weights.h"
#include "ops/context.h"

namespace transept {

// `prompt` without the start token; an empty Memory for a decoder on its own. `on_token` is called
// for every token of a single hypothesis as it is chosen (not with beams).
[[nodiscard]] std::vector<Hypothesis> generate(Context& c, const Transformer& model,
                                               const Memory& memory,
                                               const std::vector<Token>& prompt,
                                               const GenerateOptions& options,
                                               const std::function<void(Token)>& on_token = {});

// Error mismatch unless the Memory was made by this model; usage if it is missing or superfluous.
void check_memory(const Transformer& model, const Memory& memory);

}  // namespace transept
