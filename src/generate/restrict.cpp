#include "generate/restrict.h"

#include <algorithm>
#include <numeric>

namespace transept {
namespace {

void sort_unique(std::vector<Token>& tokens) {
  std::ranges::sort(tokens);
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
}

std::vector<Token> listed_tokens(const Shortlist& shortlist, bool shared,
                                 std::span<const Token> source) {
  std::vector<Token> tokens(static_cast<size_t>(std::min(shortlist.first, shortlist.n_targets)));
  std::iota(tokens.begin(), tokens.end(), 0);
  std::vector<Token> sources(source.begin(), source.end());
  sort_unique(sources);
  for (const Token token : sources) {
    const std::span<const Token> targets = shortlist.of(token);
    tokens.insert(tokens.end(), targets.begin(), targets.end());
  }
  if (shared) tokens.insert(tokens.end(), sources.begin(), sources.end());
  return tokens;
}

}  // namespace

std::vector<Token> allowed_tokens(const GenerateOptions& options, bool shared,
                                  std::span<const Token> source) {
  std::vector<Token> tokens;
  if (options.shortlist) tokens = listed_tokens(*options.shortlist, shared, source);
  if (options.vocabulary && options.shortlist) {
    std::erase_if(tokens, [&](Token token) {
      return !std::ranges::binary_search(*options.vocabulary, token);
    });
  } else if (options.vocabulary) {
    tokens = *options.vocabulary;
  }
  tokens.insert(tokens.end(), options.eos.begin(), options.eos.end());
  tokens.insert(tokens.end(), options.forced_eos.begin(), options.forced_eos.end());
  if (options.forced_bos) tokens.push_back(*options.forced_bos);
  sort_unique(tokens);
  return tokens;
}

std::shared_ptr<const OutputSubset> allowed_outputs(ThreadPool& pool, const Transformer& model,
                                                    const GenerateOptions& options,
                                                    std::span<const Token> source) {
  if (!options.vocabulary && !options.shortlist) return nullptr;
  const std::vector<Token> tokens = allowed_tokens(options, model.config.shared_embeddings, source);
  return model.head.subsets->get(pool, model.head, tokens);
}

}  // namespace transept
