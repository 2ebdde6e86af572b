#include <algorithm>
#include <limits>
#include <numeric>

#include "api/implementation.h"
#include "base/error.h"
#include "generate/scheduler.h"
#include "text/text_stream.h"

namespace transept::api {
namespace {

Finish outer(transept::Finish finish) {
  switch (finish) {
    case transept::Finish::eos:
      return Finish::eos;
    case transept::Finish::stop:
      return Finish::stop;
    case transept::Finish::length:
      break;
  }
  return Finish::length;
}

std::vector<Hypothesis> outer(std::vector<transept::Hypothesis> found,
                              const transept::Tokenizer* tokenizer) {
  std::vector<Hypothesis> hypotheses;
  for (transept::Hypothesis& one : found) {
    Hypothesis hypothesis;
    if (tokenizer != nullptr) hypothesis.text = tokenizer->decode(one.ids);
    hypothesis.ids = std::move(one.ids);
    hypothesis.score = one.score;
    hypothesis.logprob = one.logprob;
    hypothesis.finish = outer(one.finish);
    hypotheses.push_back(std::move(hypothesis));
  }
  return hypotheses;
}

Stats stats_of(const Counters& counters) {
  return {.encoder_runs = counters.encoder_runs,
          .source_tokens = counters.source_tokens,
          .output_tokens = counters.output_tokens,
          .load_seconds = 0,
          .encode_seconds = counters.encode_seconds,
          .decode_seconds = counters.decode_seconds};
}

}  // namespace

transept::GenerateOptions Model::Implementation::search(const GenerateOptions& options) const {
  const Direction direction = loaded->direction(languages_of(options));
  transept::GenerateOptions search = loaded->defaults;
  if (direction.forced_bos) search.forced_bos = direction.forced_bos;
  search = laid_over(std::move(search), options);
  // A folder's number of hypotheses is for its own number of beams.
  if (!options.n_best && !search.sample) search.n_best = std::min(search.n_best, search.beams);
  return search;
}

std::vector<Hypothesis> Model::generate(const Memory& memory, const GenerateOptions& options,
                                        const StreamCallback& stream) const {
  const Implementation& model = *implementation_;
  const transept::Tokenizer* tokenizer = model.tokenizer();
  transept::Request request;
  request.memory = inner(memory);
  request.prompt = prompt_ids(options);
  request.options = model.search(options);
  request.stop = options.stop;
  bool wanted = true;
  std::vector<Hypothesis> found;
  TextStream text(tokenizer);
  std::vector<Token> streamed;
  if (stream) {
    request.on_token = [&](Token token) {
      if (!wanted) return;
      streamed.push_back(token);
      wanted = stream(token, text.add(token));
    };
  }
  request.on_finished = [&](std::vector<transept::Hypothesis> hypotheses) {
    found = outer(std::move(hypotheses), tokenizer);
  };
  Scheduler scheduler(model.model(), *model.pool);
  scheduler.add(std::move(request));
  while (wanted && scheduler.tick()) {
  }
  check_wanted(options.stop);
  if (stream && wanted) {
    const std::string_view rest = text.finish();
    if (!rest.empty()) stream(text.ids().back(), rest);
  }
  implementation_->count(stats_of(scheduler.counters()));
  if (!wanted && found.empty()) {
    transept::Hypothesis begun;
    begun.ids = std::move(streamed);
    begun.score = begun.logprob = std::numeric_limits<double>::quiet_NaN();
    begun.finish = transept::Finish::stop;
    found = outer(std::vector{std::move(begun)}, tokenizer);
  }
  return found;
}

void Model::generate_batch(std::span<const Request> requests, const GenerateOptions& options,
                           const BatchLimits& limits, const DoneCallback& done) const {
  const Implementation& model = *implementation_;
  const transept::Tokenizer* tokenizer = model.tokenizer();
  const transept::GenerateOptions search = model.search(options);
  Scheduler scheduler(
      model.model(), *model.pool,
      {.max_requests = limits.max_inputs, .max_encode_rows = limits.max_encode_tokens});
  std::vector<size_t> order(requests.size());  // long ones first: the batch stays full
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return requests[a].source.size() > requests[b].source.size();
  });
  bool wanted = true;
  for (const size_t i : order) {
    const Request& from = requests[i];
    transept::Request request;
    request.memory = inner(from.memory);
    request.prompt = from.prompt;
    if (has_encoder()) {
      if (from.memory.empty()) request.source = from.source;
    } else {  // a decoder on its own continues its input
      request.prompt.insert(request.prompt.begin(), from.source.begin(), from.source.end());
    }
    request.options = search;
    request.stop = options.stop;
    request.on_finished = [&, i](std::vector<transept::Hypothesis> hypotheses) {
      if (wanted) wanted = done(i, outer(std::move(hypotheses), tokenizer));
    };
    scheduler.add(std::move(request));
  }
  while (wanted && scheduler.tick()) {
  }
  check_wanted(options.stop);
  implementation_->count(stats_of(scheduler.counters()));
}

}  // namespace transept::api
