#include <algorithm>
#include <numeric>

#include "api/implementation.h"
#include "base/error.h"
#include "generate/scheduler.h"
#include "text/text_stream.h"

namespace transept::api {
namespace {

template <class To, class From>
void lay_over(To& target, const std::optional<From>& value) {
  if (value) target = *value;
}

EarlyStopping early_stopping(const std::string& text) {
  if (text == "true") return EarlyStopping::yes;
  if (text == "false") return EarlyStopping::no;
  check(text == "never", ErrorCode::usage, "early stopping {}: expected true, false or never",
        text);
  return EarlyStopping::never;
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
    hypothesis.finish = one.finish == transept::Finish::eos ? Finish::eos : Finish::length;
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
  transept::GenerateOptions search = defaults;
  lay_over(search.beams, options.beams);
  lay_over(search.n_best, options.n_best);
  lay_over(search.length_penalty, options.length_penalty);
  if (options.early_stopping) search.early_stopping = early_stopping(*options.early_stopping);
  lay_over(search.max_new_tokens, options.max_new_tokens);
  lay_over(search.min_new_tokens, options.min_new_tokens);
  lay_over(search.sample, options.sample);
  lay_over(search.temperature, options.temperature);
  lay_over(search.top_k, options.top_k);
  lay_over(search.top_p, options.top_p);
  lay_over(search.min_p, options.min_p);
  lay_over(search.typical_p, options.typical_p);
  lay_over(search.seed, options.seed);
  lay_over(search.repetition_penalty, options.repetition_penalty);
  lay_over(search.no_repeat_ngram, options.no_repeat_ngram);
  lay_over(search.encoder_no_repeat_ngram, options.encoder_no_repeat_ngram);
  lay_over(search.speculate, options.speculate);
  search.logprobs = options.logprobs;
  if (!options.vocabulary.empty()) {
    auto tokens = std::make_shared<std::vector<Token>>(options.vocabulary);
    std::ranges::sort(*tokens);
    search.vocabulary = std::move(tokens);
  }
  if (!options.shortlist.empty()) search.shortlist = options.shortlist.implementation()->shortlist;
  return search;
}

std::vector<Hypothesis> Model::generate(const Memory& memory, const GenerateOptions& options,
                                        const StreamCallback& stream) const {
  check(options.prompt.empty() || options.prompt_ids.empty(), ErrorCode::usage,
        "generate: give the prompt as text or as ids, not both");
  const Implementation& model = *implementation_;
  const transept::Tokenizer* tokenizer = model.tokenizer ? &model.text() : nullptr;
  transept::Request request;
  request.memory = inner(memory);
  request.prompt = options.prompt_ids.empty() ? prompt_ids(options.prompt) : options.prompt_ids;
  request.options = model.search(options);
  request.stop = options.stop;
  bool wanted = true;
  std::vector<Hypothesis> found;
  TextStream text(tokenizer);
  if (stream) {
    request.on_token = [&](Token token) { wanted = wanted && stream(token, text.add(token)); };
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
  return found;
}

void Model::generate_batch(std::span<const Request> requests, const GenerateOptions& options,
                           const BatchLimits& limits, const DoneCallback& done) const {
  const Implementation& model = *implementation_;
  const transept::Tokenizer* tokenizer = model.tokenizer ? &model.text() : nullptr;
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
