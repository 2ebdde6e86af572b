#include "generate/session.h"

#include <algorithm>

#include "generate/beam.h"
#include "generate/greedy.h"

namespace transept {
namespace {

bool reads_source_tokens(const GenerateOptions& options) {
  return options.shortlist != nullptr || options.encoder_no_repeat_ngram > 0 ||
         options.encoder_repetition_penalty != 1;
}

}  // namespace

std::unique_ptr<Session> make_session(const Config& config, const GenerateOptions& options,
                                      const std::vector<Token>& prompt, Memory memory,
                                      std::shared_ptr<const OutputSubset> outputs) {
  check_options(options, config);
  check(memory.empty() || !memory.ids().empty() || !reads_source_tokens(options), ErrorCode::usage,
        "a shortlist, encoder_no_repeat_ngram and encoder_repetition_penalty go by the source's "
        "tokens: this memory was not made from tokens");
  if (options.beams > 1) {
    return std::make_unique<BeamSession>(config, options, prompt, std::move(memory),
                                         std::move(outputs));
  }
  return std::make_unique<GreedySession>(config, options, prompt, std::move(memory),
                                         std::move(outputs));
}

Finish finish_of(const GenerateOptions& options, std::span<const Token> generated) {
  if (std::ranges::find(options.eos, generated.back()) != options.eos.end()) return Finish::eos;
  return options.stops && options.stops(generated) ? Finish::stop : Finish::length;
}

double sum_logprobs(std::span<const float> token_logprobs) {
  double sum = 0;
  for (const float logprob : token_logprobs) sum += static_cast<double>(logprob);
  return sum;
}

}  // namespace transept
