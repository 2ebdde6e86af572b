#include "generate/score.h"

#include "api/implementation.h"
#include "base/error.h"

namespace transept::api {
namespace {

// The target's tokens: with all special tokens of the target side, or, where a prompt came first,
// with the end mark alone.
std::vector<Token> target_ids(const Model::Implementation& model, std::string_view target,
                              bool after_prompt) {
  std::vector<Token> ids =
      model.text().encode(target, {.special_tokens = !after_prompt, .target_side = true}).ids;
  if (after_prompt && !model.config().eos.empty()) ids.push_back(model.config().eos.front());
  return ids;
}

}  // namespace

Score Model::score(const Memory& memory, std::string_view target, std::span<const Token> prompt,
                   int top, const std::stop_token& stop) const {
  return score(memory, target_ids(*implementation_, target, !prompt.empty()), prompt, top, stop);
}

Score Model::score(const Memory& memory, std::span<const Token> target,
                   std::span<const Token> prompt, int top, const std::stop_token& stop) const {
  check(!target.empty(), ErrorCode::bad_data, "the target is empty: there is no token to score");
  const Stopwatch watch;
  Workspace work(*implementation_, stop);
  const ScoreRequest request{
      inner(memory), {prompt.begin(), prompt.end()}, {target.begin(), target.end()}};
  const transept::Score found =
      transept::score(work.context, implementation_->model(), std::span(&request, 1),
                      implementation_->defaults, top)
          .front();
  Score result;
  result.logprob = found.logprob;
  for (const TokenScore& token : found.tokens) {
    ScoredToken one;
    one.id = token.id;
    one.logprob = token.logprob;
    if (has_tokenizer()) one.piece = implementation_->text().piece(token.id);
    for (const Scored& candidate : token.top)
      one.top.emplace_back(static_cast<Token>(candidate.index), candidate.value);
    result.tokens.push_back(std::move(one));
  }
  implementation_->count({.decode_seconds = watch.seconds()});
  return result;
}

}  // namespace transept::api
