// transept: encoder-decoder transformers on CPUs. The public C++ API.
//
//   transept::Model model = transept::Model::load("flan-t5-small");
//   transept::Memory fox = model.encode("The quick brown fox jumped over the lazy dog");
//   for (const auto& answer : model.generate(fox, {.prompt = "Summarise:", .beams = 4}))
//     std::cout << answer.text << '\n';
//
// The encoder reads an input once; what it made is a Memory, a value that any number of prompts can
// be answered from. All objects are cheap to copy and safe to use from many threads. Every function
// that fails throws transept::Error (error.h).
//
// What takes long takes a std::stop_token: asked to stop, from any thread, it ends within
// milliseconds of computing with Error cancelled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "transept/error.h"
#include "transept/explanation.h"

namespace transept {

// Inside transept's own sources Memory and Tokenizer name the model's types; there, the public ones
// are api::Memory and api::Tokenizer.
#ifndef TRANSEPT_INTERNAL
inline
#endif
    namespace api {

[[nodiscard]] std::string version();  // "0.1.0"

// The model that is part of the library: what to hand to Model::load. No place on disk.
[[nodiscard]] std::filesystem::path default_model();

struct LoadOptions {
  int threads = 0;         // 0: one per core this process may use
  std::string dtype = {};  // storage of the matrices: f32, bf16 or int8; empty: f32, or
                           // what the folder was converted to
  std::string keys = {};   // of keys and values: f32, bf16 or int8; empty: f32 where the
                           // matrices are, else bf16
  bool normalize_punctuation = false;  // Marian: as the reference does where sacremoses is present
  // The languages of requests that name none: codes that the model knows (Model::languages), or a
  // pair of its folder. Error usage if it knows neither.
  std::string source_language = {};
  std::string target_language = {};
};

// Those of one request; empty: as the model was loaded. A model that was taught codes of languages
// (mBART, M2M100, NLLB, Marian's of several targets) takes these, case aside; one whose folder
// names pairs takes a pair, which chooses the text before the input or the prompt.
struct Languages {
  std::string source = {};
  std::string target = {};
};

// Text <-> token ids. Example: examples/tokenize.cpp
class Tokenizer {
 public:
  struct Offset {  // Unicode code points [begin, end) of the text; 0, 0 for added special tokens
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };
  struct Encoding {
    std::vector<Token> ids;
    std::vector<Offset> offsets;  // one per id
  };
  struct EncodeOptions {
    bool special_tokens = true;  // add the marks the model expects around an input (</s>, …)
    bool target_side = false;    // the output's side, where the two differ (Marian)
    // Codes of languages(); empty: as it was loaded.
    std::string source_language = {};
    std::string target_language = {};
  };

  // From a folder that holds at least the tokenizer files. Error not_found if there are none,
  // bad_data or unsupported naming file and part.
  [[nodiscard]] static Tokenizer load(const std::filesystem::path& folder,
                                      const LoadOptions& options = {});

  // Nothing is padded or cut. Error bad_data for invalid UTF-8, naming the byte.
  [[nodiscard]] Encoding encode(std::string_view text, const EncodeOptions& options) const;
  [[nodiscard]] Encoding encode(std::string_view text) const { return encode(text, {}); }
  // Error bad_data for an id outside the vocabulary. The result is always valid UTF-8.
  [[nodiscard]] std::string decode(std::span<const Token> ids, bool skip_special = true) const;
  // The piece as the vocabulary spells it ("▁for"), and the way back.
  [[nodiscard]] std::string piece(Token id) const;
  [[nodiscard]] std::optional<Token> find(std::string_view piece) const;
  [[nodiscard]] int size() const;  // ids are below this
  [[nodiscard]] bool is_special(Token id) const;
  [[nodiscard]] std::vector<std::string> languages() const;  // codes that it has tokens of
  [[nodiscard]] std::string description() const;             // "Unigram (tokenizer.json)"

  struct Implementation;
  explicit Tokenizer(std::shared_ptr<const Implementation> implementation)
      : implementation_(std::move(implementation)) {}

 private:
  std::shared_ptr<const Implementation> implementation_;
};

// What the encoder made of an input. Immutable; a copy shares its storage. Example:
// examples/memory.cpp
class Memory {
 public:
  Memory() = default;  // empty: what a decoder on its own is given

  [[nodiscard]] bool empty() const { return implementation_ == nullptr; }
  [[nodiscard]] int rows() const;                       // source tokens
  [[nodiscard]] int width() const;                      // d_model of the encoder
  [[nodiscard]] std::span<const float> hidden() const;  // [rows, width] row-major
  [[nodiscard]] std::span<const Token> ids()
      const;  // the source tokens, one per row; none of other sources
  [[nodiscard]] std::string fingerprint() const;  // of the model that made it
  [[nodiscard]] std::size_t bytes() const;        // hidden states, keys and values

  // Rows [begin, end), without running anything. Error usage outside 0 … rows().
  [[nodiscard]] Memory slice(int begin, int end) const;
  // A safetensors file with the hidden states; Model::load_memory reads it. Error io; the file is
  // complete or not there.
  void save(const std::filesystem::path& path) const;

  struct Implementation;
  explicit Memory(std::shared_ptr<const Implementation> implementation)
      : implementation_(std::move(implementation)) {}
  [[nodiscard]] const Implementation* implementation() const { return implementation_.get(); }

 private:
  std::shared_ptr<const Implementation> implementation_;
};

// Rows appended. Exact and without order: cross-attention has no position term. Not the same as
// encoding the joined text, whose parts would have seen each other. Error mismatch if two models
// made them.
[[nodiscard]] Memory concat(std::span<const Memory> parts);
[[nodiscard]] inline Memory concat(std::initializer_list<Memory> parts) {
  return concat(std::span<const Memory>(parts.begin(), parts.size()));
}

// What a translation is likely to say about a source token (Marian's lexical shortlists). Read by
// Model::load_shortlist.
class Shortlist {
 public:
  Shortlist() = default;  // empty: no restriction

  [[nodiscard]] bool empty() const { return implementation_ == nullptr; }

  struct Implementation;
  explicit Shortlist(std::shared_ptr<const Implementation> implementation)
      : implementation_(std::move(implementation)) {}
  [[nodiscard]] const Implementation* implementation() const { return implementation_.get(); }

 private:
  std::shared_ptr<const Implementation> implementation_;
};

struct ShortlistLimits {  // of a table; Marian's binary files have them in them
  int first = 100;        // target tokens always allowed: the first of the vocabulary
  int best = 100;         // targets per source token
};

// How to search. An empty optional means: as the model's generation_config.json says, else as the
// reference framework's defaults are.
struct GenerateOptions {
  // What the decoder starts from, after the model's own start mark. Where the folder lists prompts
  // it is one of them, case aside, the beginning of one, or one with more behind it; empty: the one
  // of the languages, else the folder's first.
  std::string prompt = {};
  bool any_prompt = false;             // take `prompt` as it is, also an empty one
  std::vector<Token> prompt_ids = {};  // the same as ids, never checked; not both
  // As in Languages. A model that is told its target in the input has to be told so by encode().
  std::string source_language = {};
  std::string target_language = {};

  std::optional<int> beams = {};
  std::optional<int> n_best = {};  // hypotheses wanted; at most `beams` when not sampling
  std::optional<double> length_penalty = {};
  std::optional<std::string> early_stopping = {};  // "true", "false" or "never"
  std::optional<int> max_new_tokens = {};
  std::optional<int> min_new_tokens = {};
  std::optional<int> max_length = {};  // counts the start mark and the prompt too; max_new_tokens
  std::optional<int> min_length = {};  // wins over it
  std::optional<bool> sample = {};
  std::optional<double> temperature = {};
  std::optional<int> top_k = {};
  std::optional<double> top_p = {};
  std::optional<double> min_p = {};
  std::optional<double> typical_p = {};
  std::optional<std::uint64_t> seed = {};
  std::optional<double> repetition_penalty = {};
  std::optional<int> no_repeat_ngram = {};
  std::optional<int> encoder_no_repeat_ngram = {};
  // Their names and meanings are the reference framework's (docs/generation.md).
  std::optional<double> top_h = {};
  std::optional<double> epsilon_cutoff = {};
  std::optional<double> eta_cutoff = {};
  std::optional<double> encoder_repetition_penalty = {};
  std::optional<std::vector<std::vector<Token>>> bad_words = {};
  std::optional<std::vector<Token>> suppress_tokens = {};
  std::optional<std::vector<Token>> begin_suppress_tokens = {};
  std::optional<std::vector<std::pair<std::vector<Token>, double>>> sequence_bias = {};
  std::optional<Token> forced_bos = {};  // wins over that of target_language
  std::optional<std::vector<Token>> forced_eos = {};
  std::optional<std::pair<int, double>> length_decay = {};  // start, factor
  std::optional<bool> remove_invalid_values = {};
  std::optional<bool> renormalize_logits = {};
  // Only these tokens may be said (empty: all), and of them only those that the shortlist gives for
  // the input; end marks and forced tokens always may. Log-probabilities are among those that may.
  std::vector<Token> vocabulary = {};
  Shortlist shortlist = {};
  // Tokens that greedy search may guess at a time, from the input and its own output, and verify
  // together; 0: none. The answer is the same to the bit.
  std::optional<int> speculate = {};
  // false: the answer's score and logprob are not wanted (they are NaN when searching greedily).
  // The tokens are the same; a greedy step then costs much less.
  bool logprobs = true;
  std::stop_token stop = {};
};

enum class Finish {
  eos,     // the end mark was said
  length,  // the limit was reached
  stop,    // the caller stopped
};

struct Hypothesis {
  std::string text;        // decoded, special tokens skipped; empty if the model has no tokenizer
  std::vector<Token> ids;  // generated: without start and prompt, with the end mark if reached
  double score = 0;        // what the search ranks by (beams: logprob / length^penalty)
  double logprob = 0;      // sum of the tokens' log-probabilities (natural logarithm); NaN
                           // without GenerateOptions::logprobs
  Finish finish = Finish::length;
};

// Called for every piece of text as it becomes certain; always whole characters. `id` is the newest
// token. Return false to stop early: the answer is then what was generated, without score.
using StreamCallback = std::function<bool(Token id, std::string_view text)>;

// One of many inputs for generate_batch: a Memory, or source tokens still to be encoded.
struct Request {
  Memory memory = {};
  std::vector<Token> source = {};  // read when `memory` is empty
  std::vector<Token> prompt = {};  // ids after the start mark
};

struct BatchLimits {
  int max_inputs = 32;           // decoded together
  int max_encode_tokens = 4096;  // source tokens encoded together
};

struct ScoredToken {
  Token id = 0;
  std::string piece;
  double logprob = 0;
  std::vector<std::pair<Token, double>> top;  // the most probable here, best first
};

struct Score {
  double logprob = 0;  // sum over the tokens
  std::vector<ScoredToken> tokens;
};

struct ExplainOptions {
  std::string input = {};   // shown as STEP 0; the Memory holds what was read
  std::string prompt = {};  // as in GenerateOptions
  bool any_prompt = false;
  std::vector<Token> prompt_ids = {};  // instead of `prompt`
  std::string source_language = {};
  std::string target_language = {};
  int steps = 5;  // next tokens to choose
  int top = 5;    // candidates listed per step
  std::stop_token stop = {};
};

// What a Model has done since it was loaded.
struct Stats {
  std::int64_t encoder_runs = 0;   // inputs encoded
  std::int64_t source_tokens = 0;  // of the inputs answered, encoded here or not
  std::int64_t output_tokens = 0;
  double load_seconds = 0;
  double encode_seconds = 0;
  double decode_seconds = 0;
};

// A model folder in Hugging Face layout, loaded. Example: examples/generate.cpp
class Model {
 public:
  // Error not_found (a file is missing), bad_data (its contents), unsupported (not a model that
  // transept runs).
  [[nodiscard]] static Model load(const std::filesystem::path& folder,
                                  const LoadOptions& options = {});

  // The input read once: text through the tokenizer, special tokens added, or token ids as they
  // are. Error bad_data for an empty input or an unknown id, limit if it is longer than the model's
  // positions.
  [[nodiscard]] Memory encode(std::string_view text, const Languages& languages,
                              const std::stop_token& stop = {}) const;
  [[nodiscard]] Memory encode(std::string_view text, const std::stop_token& stop = {}) const {
    return encode(text, Languages(), stop);
  }
  [[nodiscard]] Memory encode(std::span<const Token> ids, const std::stop_token& stop = {}) const;
  [[nodiscard]] Memory encode(const char* text) const { return encode(std::string_view(text)); }
  // What encode would read of a text.
  [[nodiscard]] std::vector<Token> source_ids(std::string_view text,
                                              const Languages& languages = {}) const;
  // Whether the model can read so long a text.
  [[nodiscard]] bool fits(std::string_view text, const Languages& languages = {}) const;
  // For a text that is too long: in parts that the model can read, cut between sentences or words;
  // or the ids of its beginning, as many as the model reads.
  [[nodiscard]] std::vector<std::string> split(std::string_view text,
                                               const Languages& languages = {}) const;
  [[nodiscard]] std::vector<Token> cut_source_ids(std::string_view text,
                                                  const Languages& languages = {}) const;
  [[nodiscard]] int max_source() const;  // tokens that the model can read; 0: any number
  // Whether encode would take these ids, without running anything: throws what it would throw.
  void check_source(std::span<const Token> ids) const;
  // Error mismatch, naming both fingerprints, if another model made it.
  [[nodiscard]] Memory load_memory(const std::filesystem::path& path) const;

  // From a binary file of Marian's, or a table with "target source probability" a line. Error
  // bad_data, also where it was made for larger vocabularies.
  [[nodiscard]] Shortlist load_shortlist(const std::filesystem::path& path,
                                         const ShortlistLimits& limits = {}) const;

  // Hypotheses, best first. A beam search streams its best hypothesis when it is done.
  // NOLINTNEXTLINE(modernize-use-nodiscard): who streams may have seen all of it
  std::vector<Hypothesis> generate(const Memory& memory, const GenerateOptions& options = {},
                                   const StreamCallback& stream = {}) const;
  // Many at once; `done` is called with an index into `requests` as each is finished, in any order.
  // Results are the same to the bit as one by one. Return false from `done` to stop.
  using DoneCallback = std::function<bool(std::size_t index, std::vector<Hypothesis> hypotheses)>;
  void generate_batch(std::span<const Request> requests, const GenerateOptions& options,
                      const BatchLimits& limits, const DoneCallback& done) const;

  // Log-probability of a given target after the prompt's tokens. As text it gets the special tokens
  // that the tokenizer adds on the target side (after a prompt: only the end mark).
  [[nodiscard]] Score score(const Memory& memory, std::string_view target,
                            std::span<const Token> prompt = {}, int top = 0,
                            const Languages& languages = {},
                            const std::stop_token& stop = {}) const;
  [[nodiscard]] Score score(const Memory& memory, std::span<const Token> target,
                            std::span<const Token> prompt = {}, int top = 0,
                            const std::stop_token& stop = {}) const;

  // The worked example: greedy steps with every attention weight kept.
  [[nodiscard]] Explanation explain(const Memory& memory, const ExplainOptions& options = {}) const;

  [[nodiscard]] bool has_encoder() const;
  [[nodiscard]] bool has_decoder() const;
  [[nodiscard]] bool has_tokenizer() const;
  [[nodiscard]] Tokenizer tokenizer() const;  // Error not_found if the folder has none
  // The prompt's tokens: no special tokens are added, those spelled in the text count.
  [[nodiscard]] std::vector<Token> prompt_ids(std::string_view prompt) const;
  // What these options let the decoder start from: their prompt or its ids, that of their
  // languages, or the folder's first. Error usage for a prompt that the folder does not list.
  [[nodiscard]] std::vector<Token> prompt_ids(const GenerateOptions& options) const;
  // What its folder says that the decoder can be asked; empty for most models.
  [[nodiscard]] std::vector<std::string> prompts() const;
  // Codes of languages that the model was taught; empty for most models.
  [[nodiscard]] std::vector<std::string> languages() const;
  // Pairs that its folder names, source and target.
  [[nodiscard]] std::vector<Languages> language_pairs() const;
  // Whether these languages are told in the input: generate() then needs a Memory that encode()
  // made with them. Error usage for languages that the model does not know.
  [[nodiscard]] bool are_in_input(const Languages& languages) const;
  // The options that count where a request gives none, as the folder says.
  [[nodiscard]] GenerateOptions defaults() const;
  [[nodiscard]] std::string family() const;
  [[nodiscard]] std::string fingerprint() const;  // 32 hexadecimal digits
  [[nodiscard]] Stats stats() const;

  struct Implementation;
  explicit Model(std::shared_ptr<Implementation> implementation)
      : implementation_(std::move(implementation)) {}

 private:
  std::shared_ptr<Implementation> implementation_;
};

}  // namespace api
}  // namespace transept
