#include "search.h"

#include "base/error.h"

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
  options.number("batch-size", limits.max_inputs, 1, 65536, "inputs decoded together, at most");
  options.number("batch-tokens", limits.max_encode_tokens, 1, 1 << 30,
                 "source tokens encoded together, at most");
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
