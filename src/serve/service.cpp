#include "serve/service.h"

#include <cmath>

#include "base/lines.h"
#include "base/utf8.h"
#include "generate/score.h"
#include "serve/errors.h"
#include "serve/off_loop.h"
#include "trace/recorder.h"

namespace transept::serve {
namespace {

void check_kept(const std::vector<Memory::Segment>& keep, std::int64_t rows) {
  std::int64_t kept = 0;
  for (const Memory::Segment& part : keep) {
    check(0 <= part.begin && part.begin < part.end && part.end <= rows, ErrorCode::usage,
          "keep: rows {} to {} of a memory of {} rows", part.begin, part.end, rows);
    kept += part.end - part.begin;
  }
  check(kept <= rows, ErrorCode::usage, "keep: {} rows of a memory of {} rows", kept, rows);
}

// Stops a generation that nobody waits for any more.
class Running {
 public:
  Running(Engine& engine, std::shared_ptr<Generation> generation)
      : engine_(engine), generation_(std::move(generation)) {}
  ~Running() {
    if (!generation_->finished) engine_.stop(generation_);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  Engine& engine_;
  std::shared_ptr<Generation> generation_;
};

// Every layer's and head's weights are in one answer: some tens of megabytes at most. Returns what
// they take, as numbers and as text.
size_t check_size(const Config& config, size_t positions, size_t rows) {
  constexpr size_t kMostWeights = size_t{1} << 23;
  const auto maps =
      static_cast<size_t>(config.decoder.layers) * static_cast<size_t>(config.decoder.n_heads);
  const size_t keys = positions + rows;
  check(maps * positions * keys <= kMostWeights, ErrorCode::limit,
        "{} positions over {} keys in {} heads: more than {} weights; explain a shorter text",
        positions, keys, maps, kMostWeights);
  constexpr size_t kWeightBytes = 20;
  return maps * positions * keys * kWeightBytes;
}

// Does the text of these tokens hold one of some texts? Asked after every token: the newest ones
// alone are looked at first.
std::function<bool(std::span<const Token>)> holds_one_of(const Tokenizer& tokenizer,
                                                         std::vector<std::string> texts) {
  size_t longest = 0;
  for (const std::string& text : texts) longest = std::max(longest, text.size());
  constexpr size_t kBefore = 8;  // tokens that have no text, or change that of the next
  const auto holds = [texts = std::move(texts)](const std::string& whole) {
    return std::any_of(texts.begin(), texts.end(), [&](const std::string& text) {
      return whole.find(text) != std::string::npos;
    });
  };
  return [&tokenizer, holds, most = longest + kBefore](std::span<const Token> ids) {
    return holds(tokenizer.decode(ids.last(std::min(ids.size(), most)))) &&
           holds(tokenizer.decode(ids));
  };
}

// Tokens as they come, until the generation is finished.
Task<void> follow(Call& call, Generation& generation, TextStream& text, Piece piece) {
  for (;;) {
    while (!generation.tokens.empty() && piece) {
      const Token token = generation.tokens.front();
      generation.tokens.pop_front();
      std::string more(text.add(token));
      co_await piece(token, std::move(more));
    }
    if (generation.finished) break;
    generation.news.reset();
    co_await call.exchange.scope.wait(generation.news);
  }
  if (generation.error) std::rethrow_exception(generation.error);
}

// To a text with nothing in it.
Answer blank_answer() {
  Answer answer;
  answer.hypotheses.resize(1);
  answer.hypotheses.front().finish = Finish::eos;
  answer.texts.resize(1);
  return answer;
}

Task<Answer> answer_admitted(Call& call, Ask ask, Piece piece) {
  if (ask.is_blank) co_return blank_answer();
  Engine& engine = *ask.engine;
  Answer answer;
  answer.memory = co_await find_memory(call, ask);
  const bool alone = answer.memory.memory.empty();
  answer.source_tokens =
      alone ? static_cast<int>(ask.source ? ask.source->size() : 0) : answer.memory.memory.rows();
  answer.prompt_tokens = static_cast<int>(ask.prompt.size());
  Request request;
  if (!alone) request.memory = co_await kept_memory(call, ask, answer.memory.memory);
  request.prompt = whole_prompt(ask);
  request.options = ask.search;
  request.owner = call.exchange.scope.owner;
  request.stop = call.exchange.scope.stop();
  if (!ask.stops.empty()) request.options.stops = holds_one_of(engine.text(), ask.stops);
  const double asked = now_seconds();
  const std::shared_ptr<Generation> generation = engine.start(std::move(request), piece != nullptr);
  const Running running(engine, generation);
  TextStream text(engine.tokenizer());
  co_await follow(call, *generation, text, piece);
  answer.hypotheses = std::move(generation->results);
  if (piece && !answer.hypotheses.empty()) {
    // With beams the text comes at once: what was not streamed yet.
    const std::vector<Token>& best = answer.hypotheses.front().ids;
    for (size_t i = text.ids().size(); i < best.size(); ++i) {
      std::string more(text.add(best[i]));
      co_await piece(best[i], std::move(more));
    }
    std::string rest(text.finish());
    if (!rest.empty()) co_await piece(best.back(), std::move(rest));
  }
  const auto decode = [&] {
    for (const Hypothesis& h : answer.hypotheses)
      answer.texts.push_back(engine.tokenizer()->decode(h.ids));
  };
  constexpr int kFewTokens = 4096;  // are decoded where they come
  if (engine.tokenizer() != nullptr && answer.output_tokens() > kFewTokens)
    co_await off_loop(*call.service.http, call.exchange.scope, decode);
  else if (engine.tokenizer() != nullptr)
    decode();
  answer.texts.resize(answer.hypotheses.size());
  answer.queue_seconds = std::max(0.0, generation->started - asked);
  answer.decode_seconds = generation->ended - generation->started;
  call.source_tokens += answer.source_tokens;
  call.output_tokens += answer.output_tokens();
  call.service.metrics.answered(answer.source_tokens, answer.prompt_tokens, answer.output_tokens());
  co_return answer;
}

}  // namespace

Engine& Service::engine(std::string_view name) const {
  if (name.empty()) return *engines.front();
  std::string names;
  for (const auto& engine : engines) {
    if (engine->name() == name) return *engine;
    names += (names.empty() ? "" : ", ") + engine->name();
  }
  fail(ErrorCode::not_found, "model \"{}\": there is none of this name here; there is {}",
       name.substr(0, 200), names);
}

int Answer::output_tokens() const {
  size_t n = 0;
  for (const Hypothesis& h : hypotheses) n += h.ids.size();
  return static_cast<int>(n);
}

Task<Memory> kept_memory(Call& call, const Ask& ask, const Memory& memory) {
  Memory kept = memory;
  if (ask.keep.empty() || memory.empty()) co_return kept;
  const auto join = [&] {
    std::vector<Memory> parts;
    parts.reserve(ask.keep.size());
    for (const Memory::Segment& rows : ask.keep)
      parts.push_back(slice(memory, rows.begin, rows.end));
    return concat(parts);
  };
  kept = co_await off_loop(*call.service.http, call.exchange.scope, join);  // copies all of it
  co_return kept;
}

std::vector<Token> whole_prompt(const Ask& ask) {
  std::vector<Token> prompt = ask.prompt;
  if (!ask.engine->config().has_encoder() && ask.source)
    prompt.insert(prompt.begin(), ask.source->begin(), ask.source->end());
  return prompt;
}

void check_text(std::string_view text, const char* what) {
  const size_t bad = find_invalid_utf8(text);
  check(bad == std::string_view::npos, ErrorCode::bad_data, "the {} is not UTF-8 at byte {}", what,
        bad);
}

std::vector<Token> source_ids(const Engine& engine, std::string_view text,
                              const Direction& direction) {
  check_text(text, "input");
  (void)engine.text();  // Error if there is none
  return engine.loaded().source_ids(text, direction);
}

std::vector<Token> prompt_ids(const Engine& engine, const PromptText& prompt,
                              const Direction& direction) {
  check_text(prompt.text, "prompt");
  if (!prompt.text.empty()) (void)engine.text();
  return engine.loaded().prompt_ids(prompt, direction);
}

void set_source(Ask& ask, std::string_view text, const Direction& direction) {
  ask.source = source_ids(*ask.engine, text, direction);
  ask.is_blank = is_blank(text);
}

std::int64_t estimate(const Call& call, const Ask& ask) {
  const Config& config = ask.engine->config();
  check_options(ask.search, config);
  check_asked(call, ask);
  const std::vector<Token> given = whole_prompt(ask);
  const int prompt = static_cast<int>(decoder_prompt(ask.search, config, given).size());
  const int output = length_limit(ask.search, config, prompt) - prompt;
  const Service& service = call.service;
  check(output <= service.options.most_new_tokens, ErrorCode::limit,
        "{} new tokens are asked for, this server makes {} at most", output,
        service.options.most_new_tokens);
  const std::int64_t width = std::max(ask.search.beams, ask.search.n_best);
  return asked_rows(call, ask) + (std::int64_t{prompt} + output) * width;
}

std::int64_t asked_rows(const Call& call, const Ask& ask) {
  if (const auto info = call.service.store->info({call.key.space, ask.memory}))
    return info->rows_at_most;
  return ask.source ? static_cast<std::int64_t>(ask.source->size()) : 0;
}

std::int64_t kept_rows(const Call& call, const Ask& ask) {
  if (ask.keep.empty()) return asked_rows(call, ask);
  std::int64_t rows = 0;
  for (const Memory::Segment& kept : ask.keep) rows += kept.end - kept.begin;
  return rows;
}

void check_lengths(const Ask& ask) {
  const Engine& engine = *ask.engine;
  engine.check_target(ask.prompt.size());
  if (!ask.source) return;
  if (engine.config().has_encoder())
    engine.check_source(*ask.source);
  else
    engine.check_target(ask.source->size());
}

void check_asked(const Call& call, const Ask& ask) {
  const Engine& engine = *ask.engine;
  check_lengths(ask);
  const bool continues = ask.source && !engine.config().has_encoder();
  engine.check_target(ask.prompt.size() + (continues ? ask.source->size() : 0));
  const int width = std::max(ask.search.beams, ask.search.n_best);
  check(width <= call.service.options.most_beams, ErrorCode::limit,
        "{} beams or drawn answers are asked for, this server makes {} at most (--max-beams)",
        width, call.service.options.most_beams);
  const bool is_known =
      ask.memory.empty() || call.service.store->info({call.key.space, ask.memory});
  if (is_known) check_kept(ask.keep, asked_rows(call, ask));
}

void check_explained(const Call& call, const Ask& ask, std::size_t output) {
  check_size(ask.engine->config(), whole_prompt(ask).size() + output,
             static_cast<size_t>(kept_rows(call, ask)));
}

Task<MemoryStore::Found> find_memory(Call& call, const Ask& ask) {
  MemoryStore::Found found;
  if (!ask.engine->config().has_encoder()) {
    check(ask.memory.empty(), ErrorCode::usage, "model {} has no encoder, it reads no memory",
          ask.engine->name());
    co_return found;
  }
  if (!ask.memory.empty()) {
    MemoryName name{call.key.space, ask.memory};
    found = co_await call.service.store->by_name(call.exchange.scope, std::move(name));
    check_belongs(found.memory, ask.engine->model());
  } else {
    check(ask.source.has_value(), ErrorCode::usage,
          "there is no input: give one as text or ids, or the id of a memory");
    std::vector<Token> source = *ask.source;
    found = co_await call.service.store->of_input(call.exchange.scope, call.key.space, *ask.engine,
                                                  std::move(source));
  }
  check_kept(ask.keep, found.memory.rows());
  co_return found;
}

Task<Answer> answer(Call& call, Ask ask, Piece piece) {
  const auto ticket = call.service.admission->admit(call.key, estimate(call, ask));
  Answer result = co_await answer_admitted(call, std::move(ask), std::move(piece));
  co_return result;
}

Task<std::vector<Answer>> answer_all(Call& call, std::vector<Ask> asks) {
  std::int64_t tokens = 0;
  for (const Ask& ask : asks) tokens += estimate(call, ask);
  const auto ticket = call.service.admission->admit(call.key, tokens);
  std::vector<Answer> answers(asks.size());
  Signal done;
  size_t left = asks.size();
  std::exception_ptr error;
  const auto one = [&](size_t i) -> Task<void> {
    answers[i] = co_await answer_admitted(call, std::move(asks[i]), {});
  };
  for (size_t i = 0; i < asks.size(); ++i) {
    spawn(one(i), [&](const std::exception_ptr& failed) {
      if (failed && !error) error = failed;
      if (--left == 0) done.notify();
    });
  }
  if (left > 0) co_await done.wait();  // each ends with the scope
  if (error) std::rethrow_exception(error);
  co_return answers;
}

Task<Explanation> explain_greedy(Call& call, const Ask& ask, const Memory& memory,
                                 const Look& look) {
  Engine& engine = *ask.engine;
  const std::vector<Token> prompt = whole_prompt(ask);
  const Memory rows = co_await kept_memory(call, ask, memory);
  const size_t positions = prompt.size() + static_cast<size_t>(look.steps);
  const size_t keys = rows.empty() ? 0 : static_cast<size_t>(rows.rows());
  call.exchange.hold(check_size(engine.config(), positions, keys));
  Explanation explanation;
  const auto run = [&](Context& c) {
    explanation = trace(c, engine.model(), rows, ask.search, prompt,
                        {.steps = look.steps,
                         .top = look.top,
                         .tokenizer = engine.tokenizer(),
                         .value_norms = look.value_norms});
  };
  co_await engine.run(call.exchange.scope, run, static_cast<std::int64_t>(positions + keys));
  explanation.model = engine.name();
  co_return explanation;
}

Task<Explanation> explain_answer(Call& call, const Ask& ask, const Memory& memory,
                                 const std::vector<Token>& output, const Look& look) {
  Engine& engine = *ask.engine;
  // The attention of prompt and output in one step; the candidates from scoring the output.
  Ask whole = ask;
  if (!output.empty()) whole.prompt.insert(whole.prompt.end(), output.begin(), output.end() - 1);
  Look one = look;
  one.steps = 1;
  Explanation e = co_await explain_greedy(call, whole, memory, one);
  if (output.empty()) co_return e;
  const Memory rows = co_await kept_memory(call, ask, memory);
  const ScoreRequest request{rows, whole_prompt(ask), output};
  Score scored;
  const auto run = [&](Context& c) {
    scored = score(c, engine.model(), std::span(&request, 1), ask.search, look.top).front();
  };
  const auto positions = static_cast<std::int64_t>(request.prompt.size() + output.size());
  co_await engine.run(call.exchange.scope, run, positions);
  const auto piece = [&](Token id) {
    const Tokenizer* tokenizer = engine.tokenizer();
    return Explanation::Piece{id,
                              tokenizer != nullptr ? tokenizer->piece(id) : fmt::format("{}", id)};
  };
  const int begun = e.n_start + e.n_prompt - static_cast<int>(output.size()) + 1;
  e.n_prompt = begun - e.n_start;
  e.steps.clear();
  for (size_t i = 0; i < output.size(); ++i) {
    Explanation::Step step;
    step.positions = begun + static_cast<int>(i);
    for (const Scored& candidate : scored.tokens[i].top)
      step.top.push_back({piece(static_cast<Token>(candidate.index)),
                          std::exp(static_cast<double>(candidate.value))});
    step.chosen = {piece(output[i]), std::exp(static_cast<double>(scored.tokens[i].logprob))};
    const auto& eos = engine.config().eos;
    step.finished = std::find(eos.begin(), eos.end(), output[i]) != eos.end();
    if (engine.tokenizer() != nullptr)
      step.text = engine.tokenizer()->decode(std::span(output).first(i + 1));
    e.steps.push_back(std::move(step));
  }
  co_return e;
}

}  // namespace transept::serve
