// OutputSubset: the part of a head's output matrix that belongs to some of the tokens. Its logits
// are those of the whole product, to the bit, at the cost of its own size.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "model/config.h"
#include "ops/argmax.h"
#include "tensor/weight.h"

namespace transept {

struct Head;

struct OutputSubset {
  std::vector<Token> tokens;  // ascending, each once: output i is the logit of tokens[i]
  Weight weight;              // [tokens, d_model]
  Weight bias;                // [1, tokens] or empty
  std::shared_ptr<ScreenMaker> screens = std::make_shared<ScreenMaker>();

  [[nodiscard]] std::optional<int32_t> find(Token token) const;
};

// Makes a head's subsets, and one for all that ask for the same while it is in use. The newest is
// kept: it is what comes again where all requests have one vocabulary.
class SubsetMaker {
 public:
  [[nodiscard]] std::shared_ptr<const OutputSubset> get(ThreadPool& pool, const Head& head,
                                                        std::span<const Token> tokens);

 private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<const OutputSubset>> in_use_;
  std::shared_ptr<const OutputSubset> newest_;
};

}  // namespace transept
