#include "serve/service.h"

#include <cmath>

#include "base/lines.h"
#include "base/utf8.h"
#include "generate/score.h"
#include "serve/errors.h"
#include "trace/recorder.h"

namespace transept::serve {
namespace {

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

// Every layer's and head's weights are in one answer: some tens of megabytes at most.
void check_size(const Config& config, size_t positions, const Memory& memory) {
  constexpr size_t kMostWeights = size_t{1} << 23;
  const auto maps =
      static_cast<size_t>(config.decoder.layers) * static_cast<size_t>(config.decoder.n_heads);
  const size_t keys = positions + (memory.empty() ? 0 : static_cast<size_t>(memory.rows()));
  check(maps * positions * keys <= kMostWeights, ErrorCode::limit,
        "{} positions over {} keys in {} heads: more than {} weights; explain a shorter text",
        positions, keys, maps, kMostWeights);
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
  if (!alone) request.memory = with_rows_kept(answer.memory.memory, ask.keep);
  request.prompt = whole_prompt(ask);
  request.options = ask.search;
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
  if (engine.tokenizer() != nullptr)
    for (const Hypothesis& h : answer.hypotheses)
      answer.texts.push_back(engine.tokenizer()->decode(h.ids));
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

Memory with_rows_kept(const Memory& memory, const std::vector<Memory::Segment>& keep) {
  if (keep.empty() || memory.empty()) return memory;
  std::vector<Memory> parts;
  parts.reserve(keep.size());
  for (const Memory::Segment& rows : keep) parts.push_back(slice(memory, rows.begin, rows.end));
  return concat(parts);
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

std::int64_t estimate(const Service& service, const Ask& ask) {
  const Config& config = ask.engine->config();
  check_options(ask.search, config);
  const std::vector<Token> given = whole_prompt(ask);
  const int prompt = static_cast<int>(decoder_prompt(ask.search, config, given).size());
  const int output = length_limit(ask.search, config, prompt) - prompt;
  check(output <= service.options.most_new_tokens, ErrorCode::limit,
        "{} new tokens are asked for, this server makes {} at most", output,
        service.options.most_new_tokens);
  const std::int64_t width = std::max(ask.search.beams, ask.search.n_best);
  std::int64_t source = 0;
  if (ask.source) source = static_cast<std::int64_t>(ask.source->size());
  if (const auto info = service.store->info(ask.memory)) source = info->rows;
  return source + (prompt + output) * width;
}

Task<MemoryStore::Found> find_memory(Call& call, const Ask& ask) {
  MemoryStore::Found found;
  if (!ask.engine->config().has_encoder()) {
    check(ask.memory.empty(), ErrorCode::usage, "model {} has no encoder, it reads no memory",
          ask.engine->name());
    co_return found;
  }
  if (!ask.memory.empty()) {
    std::string id = ask.memory;
    found = co_await call.service.store->by_id(call.exchange.scope, std::move(id));
    check_belongs(found.memory, ask.engine->model());
  } else {
    check(ask.source.has_value(), ErrorCode::usage,
          "there is no input: give one as text or ids, or the id of a memory");
    std::vector<Token> source = *ask.source;
    found =
        co_await call.service.store->of_input(call.exchange.scope, *ask.engine, std::move(source));
  }
  std::int64_t kept = 0;
  for (const Memory::Segment& rows : ask.keep) {
    check(0 <= rows.begin && rows.begin < rows.end && rows.end <= found.memory.rows(),
          ErrorCode::usage, "keep: rows {} to {} of a memory of {} rows", rows.begin, rows.end,
          found.memory.rows());
    kept += rows.end - rows.begin;
  }
  check(kept <= found.memory.rows(), ErrorCode::usage, "keep: {} rows of a memory of {} rows", kept,
        found.memory.rows());
  co_return found;
}

Task<Answer> answer(Call& call, Ask ask, Piece piece) {
  const auto ticket = call.service.admission->admit(call.key, estimate(call.service, ask));
  Answer result = co_await answer_admitted(call, std::move(ask), std::move(piece));
  co_return result;
}

Task<std::vector<Answer>> answer_all(Call& call, std::vector<Ask> asks) {
  std::int64_t tokens = 0;
  for (const Ask& ask : asks) tokens += estimate(call.service, ask);
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
  const Memory rows = with_rows_kept(memory, ask.keep);
  check_size(engine.config(), prompt.size() + static_cast<size_t>(look.steps), rows);
  Explanation explanation;
  const auto run = [&](Context& c, const Engine::Step& step) {
    explanation = trace(c, engine.model(), rows, ask.search, prompt,
                        {.steps = look.steps,
                         .top = look.top,
                         .tokenizer = engine.tokenizer(),
                         .before_step = step,
                         .value_norms = look.value_norms});
  };
  co_await engine.run(call.exchange.scope, run);
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
  const Memory rows = with_rows_kept(memory, ask.keep);
  const ScoreRequest request{rows, whole_prompt(ask), output};
  Score scored;
  const auto run = [&](Context& c, const Engine::Step&) {
    scored = score(c, engine.model(), std::span(&request, 1), ask.search, look.top).front();
  };
  co_await engine.run(call.exchange.scope, run);
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
