// GenerateOptions: everything that decides which tokens a request gets. Names and meanings follow
// Hugging Face transformers 5.24 (`GenerationConfig`), so that a model folder's defaults carry
// over.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/shared_list.h"
#include "model/config.h"
#include "model/shortlist.h"

namespace transept {

// When a beam search stops looking for better hypotheses than the `beams` finished ones:
enum class EarlyStopping {
  no,     // when the best running one, at its present length, scores below the worst finished one
  yes,    // at once
  never,  // when no running one can still win, at whatever length (see beam.h)
};

[[nodiscard]] EarlyStopping early_stopping_named(std::string_view name);  // Error usage
[[nodiscard]] const char* name_of(EarlyStopping early_stopping);  // "true", "false", "never"

struct SequenceBias {
  std::vector<Token> tokens;
  float bias = 0;  // added to the score of the last token where the others came before
  bool operator==(const SequenceBias&) const = default;
};

struct LengthDecay {
  int start = 0;      // generated tokens after which the end mark's score begins to rise
  double factor = 1;  // score += |score| * (factor^(length - start) - 1)
};

struct GenerateOptions {
  // Neither max_new_tokens nor max_length, as the reference does: this many new tokens, or as many
  // as the decoder has positions for.
  static constexpr int kDefaultMaxNewTokens = 20;

  int beams = 1;
  int n_best = 1;  // hypotheses returned; when sampling, how many are drawn
  double length_penalty = 1;
  EarlyStopping early_stopping = EarlyStopping::no;

  std::optional<int> max_new_tokens;  // wins over max_length
  std::optional<int> min_new_tokens;
  std::optional<int> max_length;  // counts the start token and the prompt too
  int min_length = 0;             // likewise

  bool sample = false;
  double temperature = 1;
  std::optional<double> top_h;
  int top_k = 50;  // 0: all
  double top_p = 1;
  std::optional<double> min_p;
  double typical_p = 1;
  double epsilon_cutoff = 0;
  double eta_cutoff = 0;
  uint64_t seed = 0;

  double repetition_penalty = 1;
  double encoder_repetition_penalty = 1;
  int no_repeat_ngram = 0;
  int encoder_no_repeat_ngram = 0;
  SharedList<SequenceBias> sequence_bias;
  SharedList<std::vector<Token>> bad_words;
  SharedList<Token> suppress_tokens;
  SharedList<Token> begin_suppress_tokens;
  std::optional<Token> forced_bos;  // first token after the start token; not after a prompt
  std::vector<Token> forced_eos;    // last token when the limit is reached
  std::optional<LengthDecay> length_decay;
  bool remove_invalid_values = false;
  bool renormalize_logits = false;

  // Which tokens may be said: those of the vocabulary (ascending; null: all) that the shortlist
  // gives for the source (null: all), and always the end marks and forced tokens. Others are not
  // even computed; probabilities are shared out among those that may (docs/generation.md).
  std::shared_ptr<const std::vector<Token>> vocabulary;
  std::shared_ptr<const Shortlist> shortlist;

  // Greedy search may guess so many tokens at a time from the input and from what it has said, and
  // verify them in one step (draft.h). It does where that pays; the answer is the same to the bit.
  int speculate = 8;

  // Are the log-probabilities of the answer wanted? Greedy search without them only asks which
  // token is the likeliest, which costs much less (ops/argmax.h); the tokens are the same.
  bool logprobs = true;

  // Asked after every token, with all that a hypothesis has generated: is this where it ends, as
  // with an end mark? None: only end marks and the limit count.
  std::function<bool(std::span<const Token> generated)> stops;
  std::vector<Token> eos;  // empty: only the limit stops
  std::optional<Token> pad;
  std::optional<Token> bos;
  std::optional<Token> decoder_start;  // else bos
};

// What the reference's `generate` would do with a folder: generation_config.json alone if there is
// one, else the keys of config.json (and of its "decoder" where those are not set). Pass an empty
// text for a file that does not exist. Error unsupported names a key and value that change the
// output and cannot be followed; bad_data names one of the wrong type.
[[nodiscard]] GenerateOptions options_from_json(std::string_view config_json,
                                                std::string_view generation_config_json);

// Overrides `options` with the members of a JSON object spelled as generation_config.json does.
// Keys that do not change the output are ignored.
void set_options(GenerateOptions& options, const Json& object);

// How an option's name is spelled: as here, or as in generation_config.json.
enum class Spelling { own, reference };
[[nodiscard]] std::vector<std::string> option_names(Spelling spelling);
// Sets one option; null leaves it. False if there is none of this name. Error bad_data; unsupported
// for a name of the reference's that is not followed here.
[[nodiscard]] bool set_option(GenerateOptions& options, std::string_view name, const Json& value,
                              Spelling spelling);

// Error usage for the first value that makes no sense for this model.
void check_options(const GenerateOptions& options, const Config& config);

// What the decoder begins with: the start token and the prompt. A prompt that already begins with
// the start token keeps it; a decoder on its own begins with the prompt, or with bos if it is
// empty.
[[nodiscard]] std::vector<Token> decoder_prompt(const GenerateOptions& options,
                                                const Config& config,
                                                const std::vector<Token>& prompt);

// The length (prompt included) at which generation ends. Error limit if the prompt leaves no room.
[[nodiscard]] int length_limit(const GenerateOptions& options, const Config& config,
                               int prompt_length);

}  // namespace transept
