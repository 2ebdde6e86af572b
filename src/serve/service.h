// Service: what the surfaces share – models, memories, admission – and what all of them boil down
// to: one question (Ask), one Answer. A surface (api/*.cpp) reads its own dialect into Asks and
// writes Answers back.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/admission.h"
#include "serve/engine.h"
#include "serve/http.h"
#include "serve/memory_store.h"
#include "serve/metrics.h"
#include "serve/options.h"
#include "text/text_stream.h"
#include "transept/explanation.h"

namespace transept::serve {

struct Service {
  ServiceOptions options;
  HttpServer* http = nullptr;
  std::vector<std::unique_ptr<Engine>> engines;  // the first is the default
  std::unique_ptr<MemoryStore> store;
  std::unique_ptr<Admission> admission;
  Metrics metrics;

  // The first engine for an empty name. Error not_found lists those there are.
  [[nodiscard]] Engine& engine(std::string_view name) const;
};

// One request on one surface: what a handler gets.
struct Call {
  Service& service;
  Exchange& exchange;
  Admission::Key& key;                  // and whose memories are looked up
  std::vector<std::string> parameters;  // what "{id}" stood for
  std::int64_t source_tokens = 0;       // for the log
  std::int64_t output_tokens = 0;
};

struct Ask {
  Engine* engine = nullptr;
  std::string memory;                        // an id, or
  std::optional<std::vector<Token>> source;  // an input
  std::vector<Memory::Segment> keep;         // only these rows of it; empty: all
  std::vector<Token> prompt;
  GenerateOptions search;
  bool is_blank = false;           // nothing but white space: so is its answer, nobody is asked
  std::vector<std::string> stops;  // texts at which the answer ends
};

struct Answer {
  MemoryStore::Found memory;  // empty for a decoder on its own
  int source_tokens = 0;
  int prompt_tokens = 0;
  std::vector<Hypothesis> hypotheses;
  std::vector<std::string> texts;  // of the hypotheses; empty where there is no tokenizer
  double queue_seconds = 0;
  double decode_seconds = 0;

  [[nodiscard]] int encoder_runs() const { return memory.encoder_runs(); }
  [[nodiscard]] int cached_tokens() const { return memory.cached_tokens(); }
  [[nodiscard]] int output_tokens() const;
};

// Error bad_data, naming `what`, for text that is not UTF-8.
void check_text(std::string_view text, const char* what);
// The input's text or the prompt's, as token ids. Error bad_data for text that is none; usage for a
// prompt that the model does not know.
[[nodiscard]] std::vector<Token> source_ids(const Engine& engine, std::string_view text,
                                            const Direction& direction = {});
[[nodiscard]] std::vector<Token> prompt_ids(const Engine& engine, const PromptText& prompt,
                                            const Direction& direction = {});
// Makes the text what the question reads.
void set_source(Ask& ask, std::string_view text, const Direction& direction = {});

// The rows of a memory that the question keeps, joined; all if it names none.
[[nodiscard]] Task<Memory> kept_memory(Call& call, const Ask& ask, const Memory& memory);
// The prompt as the decoder gets it: a decoder on its own continues its input.
[[nodiscard]] std::vector<Token> whole_prompt(const Ask& ask);

// Tokens that the question may take, at most; checks its options. Error usage, limit, bad_data.
[[nodiscard]] std::int64_t estimate(const Call& call, const Ask& ask);

// Rows of what it is about, as far as is known before anything is encoded or loaded, and of those
// the ones that are kept.
[[nodiscard]] std::int64_t asked_rows(const Call& call, const Ask& ask);
[[nodiscard]] std::int64_t kept_rows(const Call& call, const Ask& ask);
// The input and the prompt are of a length that the model reads, each by itself: asked before they
// are copied for many questions. Error limit, bad_data.
void check_lengths(const Ask& ask);
// What can be said of a question before anything is done for it: its lengths, beams and kept rows
// are within bounds. estimate() asks this too. Error limit, usage.
void check_asked(const Call& call, const Ask& ask);
// And that so many tokens' weights are one answer.
void check_explained(const Call& call, const Ask& ask, std::size_t output);

// The memory that the question is about.
Task<MemoryStore::Found> find_memory(Call& call, const Ask& ask);

// Awaits one answer. `piece` is awaited for every token: a slow reader is waited for there, and
// only there. It is not called with beams until the end.
using Piece = std::function<Task<void>(Token token, std::string text)>;
Task<Answer> answer(Call& call, Ask ask, Piece piece = {});
// Many at once, admitted as one; answers in the order of the questions.
Task<std::vector<Answer>> answer_all(Call& call, std::vector<Ask> asks);

struct Look {
  int top = 5;    // candidates of each step
  int steps = 5;  // of explain_greedy
  bool value_norms = false;
};
// How the answer came about: every step's candidates, every attention weight. Error limit for more
// weights than one answer carries.
Task<Explanation> explain_answer(Call& call, const Ask& ask, const Memory& memory,
                                 const std::vector<Token>& output, const Look& look);
// The same for the likeliest continuation.
Task<Explanation> explain_greedy(Call& call, const Ask& ask, const Memory& memory,
                                 const Look& look);

}  // namespace transept::serve
