#include "generate/score.h"

#include "api/implementation.h"
#include "base/error.h"

namespace transept::api {

Score Model::score(const Memory& memory, std::string_view target, std::span<const Token> prompt,
                   int top, const Languages& languages, const std::stop_token& stop) const {
  const LoadedModel& loaded = *implementation_->loaded;
  const Direction direction = loaded.direction(inner(languages));
  return score(memory, loaded.target_ids(target, !prompt.empty(), direction), prompt, top, stop);
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
                      implementation_->loaded->defaults, top)
          .front();
  Score result;
  result.logprob = found.logprob;
  for (const TokenScore& token : found.tokens) {
    ScoredToken one;
    one.id = token.id;
    one.logprob = token.logprob;
    if (has_tokenizer()) one.piece = implementation_->loaded->text().piece(token.id);
    for (const Scored& candidate : token.top)
      one.top.emplace_back(static_cast<Token>(candidate.index), candidate.value);
    result.tokens.push_back(std::move(one));
  }
  implementation_->count({.decode_seconds = watch.seconds()});
  return result;
}

}  // namespace transept::api
