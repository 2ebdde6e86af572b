#include "search.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "input.h"

namespace transept::cli {

void SearchOptions::declare(Options& options) {
  options.number("beam", search.beams, 1, 1024, "beams of the search; 1: greedy");
  options.number("n-best", search.n_best, 1, 1024, "hypotheses per input, best first");
  options.real("length-penalty", search.length_penalty, -100, 100,
               "beams are ranked by logprob / length^X");
  options.text("early-stopping", "true|false|never", search.early_stopping,
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

}  // namespace

void SearchOptions::read_restrictions(const Model& model) {
  if (!vocabulary_.empty()) search.vocabulary = read_vocabulary(vocabulary_, model);
  if (!shortlist_.empty()) search.shortlist = model.load_shortlist(shortlist_, shortlist_limits_);
}

void SearchOptions::finish(const Options& options) {
  if (options.given("sample")) search.sample = sample_;
  if (search.early_stopping)
    check(*search.early_stopping == "true" || *search.early_stopping == "false" ||
              *search.early_stopping == "never",
          ErrorCode::usage, "--early-stopping {}: expected true, false or never",
          *search.early_stopping);
}

}  // namespace transept::cli
