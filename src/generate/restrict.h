// Which tokens a request may say, from its vocabulary, its shortlist and its source.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "generate/options.h"
#include "model/weights.h"

namespace transept {

// Ascending, each once. `shared`: source and target have one vocabulary, so that every source token
// may be said too, as Marian's shortlists have it.
[[nodiscard]] std::vector<Token> allowed_tokens(const GenerateOptions& options, bool shared,
                                                std::span<const Token> source);

// The outputs that a session of checked options chooses from; null: all.
[[nodiscard]] std::shared_ptr<const OutputSubset> allowed_outputs(ThreadPool& pool,
                                                                  const Transformer& model,
                                                                  const GenerateOptions& options,
                                                                  std::span<const Token> source);

}  // namespace transept
