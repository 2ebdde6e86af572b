#include "search.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "input.h"

namespace transept::cli {

std::vector<std::string> split_at(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

void SearchOptions::declare(Options& options) {
  options.number("beam", search.beams, 1, 1024, "beams of the search; 1: greedy");
  options.number("n-best", search.n_best, 1, 1024, "hypotheses per input, best first");
  options.real("length-penalty", search.length_penalty, -100, 100,
               "beams are ranked by logprob / length^X");
  options.choice("early-stopping", {"true", "false", "never"}, early_stopping_,
                 "when a beam search stops");
  options.number("max-new-tokens", search.max_new_tokens, 1, 1 << 24, "longest output");
  options.number("min-new-tokens", search.min_new_tokens, 0, 1 << 24, "shortest output");
  options.flag("sample", sample_, "draw tokens instead of taking the most probable");
  options.real("temperature", search.temperature, 0, 1e6, "flattens (> 1) or sharpens (< 1)");
  options.number("top-k", search.top_k, 0, 1 << 24, "draw from the N most probable; 0: all");
  options.real("top-p", search.top_p, 0, 1, "draw from the most probable that make up X");
  options.real("min-p", search.min_p, 0, 1, "draw from those with X times the best one's part");
  options.real("typical-p", search.typical_p, 0, 1, "draw from the locally typical part X");
  options.number("seed", search.seed, "same seed, same output");
  options.real("repetition-penalty", search.repetition_penalty, 0, 1e6, "> 1 avoids repeating");
  options.number("no-repeat-ngram", search.no_repeat_ngram, 0, 1 << 20,
                 "no N tokens in a row occur twice; 0: off");
  options.number("encoder-no-repeat-ngram", search.encoder_no_repeat_ngram, 0, 1 << 20,
                 "nor any N in a row of the input; 0: off");
  declare_rare(options);
  options.number("speculate", search.speculate, 0, 64,
                 "greedy: guess up to N tokens at once from input and output, where it pays; same "
                 "answer; 0: off");
  options.text("vocab", "FILE", vocabulary_,
               "say only these pieces, one a line (or ids); end marks always may be said");
  options.text("shortlist", "FILE", shortlist_,
               "say only what this lexical shortlist gives for the input (Marian's binary form, or "
               "\"target source probability\" a line)");
  options.number("shortlist-first", shortlist_limits_.first, 0, 1 << 24,
                 "of such lines: the N first pieces always may be said");
  options.number("shortlist-best", shortlist_limits_.best, 1, 1 << 24,
                 "of such lines: N pieces per source piece");
  options.number("batch-size", limits.max_inputs, 1, 65536, "inputs decoded together, at most");
  options.number("batch-tokens", limits.max_encode_tokens, 1, 1 << 30,
                 "source tokens encoded together, at most");
}

void SearchOptions::declare_rare(Options& options) {
  options.number("max-length", search.max_length, 1, 1 << 24,
                 "longest output with start mark and prompt; --max-new-tokens wins");
  options.number("min-length", search.min_length, 0, 1 << 24, "shortest, counted likewise");
  options.real("top-h", search.top_h, 0, 1, "draw from as many as an entropy of X's share needs");
  options.real("epsilon-cutoff", search.epsilon_cutoff, 0, 1, "draw from those above X");
  options.real("eta-cutoff", search.eta_cutoff, 0, 1, "likewise, less where all are unlikely");
  options.real("encoder-repetition-penalty", search.encoder_repetition_penalty, 0, 1e6,
               "> 1 keeps to the input's tokens");
  options.text("bad-words", "IDS[,IDS…]", bad_words_, "never say these tokens in a row");
  options.text("suppress-tokens", "IDS", suppress_, "never say one of these tokens");
  options.text("suppress-first", "IDS", begin_suppress_, "nor one of these first");
  options.text("sequence-bias", "IDS:X[,IDS:X…]", sequence_bias_,
               "add X to the score of the last of these tokens after the others");
  options.text("forced-bos", "ID", forced_bos_, "the first token of the output");
  options.text("forced-eos", "IDS", forced_eos_, "the last one, where the limit is reached");
  options.text("length-decay", "START:FACTOR", length_decay_,
               "after START tokens the end mark's score rises by FACTOR at each");
  options.flag("remove-invalid-values", remove_invalid_values_,
               "take NaN for 0, infinite for large");
  options.flag("renormalize-logits", renormalize_logits_,
               "beams: normalise again after what bans and raises");
}

namespace {

bool is_number(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// The pieces of a file, one a line; ids where every line is a number.
std::vector<Token> read_vocabulary(const std::string& path, const Model& model) {
  std::vector<Line> lines;
  const auto reader = open_lines(path);
  while (std::optional<std::string> text = reader->next()) {
    if (text->ends_with('\r')) text->pop_back();
    if (!text->empty())
      lines.push_back({*text, fmt::format("{}, line {}", path, reader->line_number())});
  }
  check(!lines.empty(), ErrorCode::bad_data, "{}: no piece in it; expected one a line", path);
  const bool ids = std::ranges::all_of(lines, is_number, &Line::text);
  std::vector<Token> tokens;
  for (const Line& line : lines) {
    if (ids) {
      tokens.push_back(parse_ids(line.text, line.where).front());
      continue;
    }
    const std::optional<Token> token = model.tokenizer().find(line.text);
    check(token.has_value(), ErrorCode::bad_data,
          "{}: \"{}\" is no piece of the model's vocabulary; `transept tokenize --pieces` shows "
          "how it spells them",
          line.where, line.text);
    tokens.push_back(*token);
  }
  return tokens;
}

// "5 8:-1.5"
std::pair<std::string, double> before_and_number(const char* option, const std::string& text) {
  const size_t colon = text.rfind(':');
  double number = 0;
  const char* begin = text.data() + (colon == std::string::npos ? text.size() : colon + 1);
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), number);
  check(error == std::errc() && end == text.data() + text.size(), ErrorCode::usage,
        "--{} {}: expected a number after a colon", option, text);
  return {text.substr(0, colon), number};
}

std::vector<Token> ids_of(const char* option, const std::string& text) {
  std::vector<Token> ids = parse_ids(text, std::string("--") + option);
  check(!ids.empty(), ErrorCode::usage, "--{}: expected token ids separated by spaces", option);
  return ids;
}

Token id_of(const char* option, const std::string& text) {
  const std::vector<Token> ids = ids_of(option, text);
  check(ids.size() == 1, ErrorCode::usage, "--{} {}: expected one token id", option, text);
  return ids.front();
}

}  // namespace

void SearchOptions::read_restrictions(const Model& model) {
  if (!vocabulary_.empty()) search.vocabulary = read_vocabulary(vocabulary_, model);
  if (!shortlist_.empty()) search.shortlist = model.load_shortlist(shortlist_, shortlist_limits_);
}

void SearchOptions::check_effect(const Options& options, const Model& model) {
  const GenerateOptions folder = model.defaults();
  const bool samples = search.sample.value_or(folder.sample.value_or(false));
  const int beams = search.beams.value_or(folder.beams.value_or(1));
  const auto is_typed = [&](const char* name) {
    return options.origin(name) == Origin::command_line;
  };
  if (!samples)
    for (const char* name : {"temperature", "top-k", "top-p", "min-p", "typical-p", "top-h",
                             "epsilon-cutoff", "eta-cutoff", "seed"})
      check(!is_typed(name), ErrorCode::usage, "--{} has no effect without --sample: give both",
            name);
  if (beams == 1)
    for (const char* name : {"length-penalty", "early-stopping"})
      check(!is_typed(name), ErrorCode::usage,
            "--{} has no effect on a greedy search: give --beam 2 or more", name);
  if (shortlist_.empty())
    for (const char* name : {"shortlist-first", "shortlist-best"})
      check(!is_typed(name), ErrorCode::usage, "--{} has no effect without --shortlist", name);
  if (samples || !search.n_best || *search.n_best <= beams) return;
  check(!is_typed("n-best"), ErrorCode::usage, "--n-best {0} needs --beam {0} or more",
        *search.n_best);
  search.n_best = beams;  // of the environment, which is for every command
}

void SearchOptions::finish(const Options& options) {
  if (options.given("sample")) search.sample = sample_;
  if (options.given("early-stopping")) search.early_stopping = early_stopping_;
  if (options.given("remove-invalid-values")) search.remove_invalid_values = remove_invalid_values_;
  if (options.given("renormalize-logits")) search.renormalize_logits = renormalize_logits_;
  finish_ids();
}

void SearchOptions::finish_ids() {
  if (bad_words_) {
    search.bad_words.emplace();
    for (const std::string& words : split_at(*bad_words_, ','))
      search.bad_words->push_back(ids_of("bad-words", words));
  }
  if (suppress_) search.suppress_tokens = ids_of("suppress-tokens", *suppress_);
  if (begin_suppress_) search.begin_suppress_tokens = ids_of("suppress-first", *begin_suppress_);
  if (sequence_bias_) {
    search.sequence_bias.emplace();
    for (const std::string& one : split_at(*sequence_bias_, ',')) {
      const auto [ids, bias] = before_and_number("sequence-bias", one);
      search.sequence_bias->emplace_back(ids_of("sequence-bias", ids), bias);
    }
  }
  if (forced_bos_) search.forced_bos = id_of("forced-bos", *forced_bos_);
  if (forced_eos_) search.forced_eos = ids_of("forced-eos", *forced_eos_);
  if (length_decay_) {
    const auto [start, factor] = before_and_number("length-decay", *length_decay_);
    search.length_decay = std::pair(int{id_of("length-decay", start)}, factor);
  }
}

}  // namespace transept::cli
