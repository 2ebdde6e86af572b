// transept vocab: learns a vocabulary from text.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "common.h"
#include "vocab/learn.h"

namespace transept::cli {
namespace {

class VocabVerb : public Verb {
 public:
  void declare(Options& options) override {
    options.texts("input-file", "FILE", files_, "text to learn from; again for more files");
    options.text("output", "FOLDER", folder_, "where the tokenizer's files go");
    options.choice("type", {"unigram", "bpe", "char", "word"}, learning_.type,
                   "subwords (two kinds), single characters, or whole words");
    options.choice("family", {"t5", "marian", "bart"}, learning_.family,
                   "which ids the marks have, and which files are written");
    options.number("size", learning_.size, 5, 1 << 24, "tokens in all; char and word: at most");
    options.number("min-count", learning_.min_count, 1, 1 << 30,
                   "char and word: leave out what is rarer");
    options.text("pattern", "REGEX", learning_.pattern,
                 "word: what a word is; without it, what spaces separate");
    options.texts("symbol", "TEXT", learning_.symbols, "a token that is never cut; again for more");
    options.flag("byte-fallback", learning_.byte_fallback,
                 "unigram and bpe: write unknown characters as bytes");
    options.real("coverage", coverage_, 0, 1,
                 "unigram and bpe: share of the text's characters to keep (0.9995)");
    options.choice("normalization", {"nmt_nfkc", "nfkc", "nmt_nfkc_cf", "nfkc_cf", "identity"},
                   learning_.normalization, "unigram and bpe: cleaning of the text");
    lines_.declare_keep_cr(options);
    common_.declare_shared(options);
  }

  void run(Options&) override {
    check(!folder_.empty(), ErrorCode::usage, "vocab: --output is missing: name a folder");
    if (coverage_) learning_.coverage = *coverage_;
    for (const std::string& file : files_)
      readers_.push_back(open_lines(file, lines_.keep_returns));
    if (files_.empty()) {
      if (is_terminal(STDIN_FILENO) && !common_.quiet)
        message("transept: learning from the keyboard, one text per line; Ctrl-D ends");
      readers_.push_back(
          std::make_unique<LineReader>(STDIN_FILENO, "standard input", false, lines_.keep_returns));
    }
    report(learn_vocabulary([this](std::string& line) { return next(line); }, learning_, folder_));
  }

 private:
  bool next(std::string& line) {
    for (; reader_ < readers_.size(); ++reader_) {
      std::optional<std::string> text = readers_[reader_]->next();
      if (!text) continue;
      at_line(
          fmt::format("{}, line {}", readers_[reader_]->name(), readers_[reader_]->line_number()),
          [&] { check_text(*text); });
      line = std::move(*text);
      return true;
    }
    return false;
  }

  void report(const VocabularyReport& report) const {
    const bool counted = report.tokens > 0;
    if (common_.is_jsonl()) {
      JsonWriter json;
      json.begin_object().member("size", report.size).member("lines", report.lines);
      if (counted) json.member("tokens", report.tokens).member("unknown", report.unknown);
      json.key("files").begin_array();
      for (const std::string& file : report.files) json.value(file);
      json.end_array().end_object();
      standard_output().line(json.text());
    } else if (!common_.quiet) {
      std::string line = fmt::format("{}: {} tokens from {} lines: {}", folder_, report.size,
                                     report.lines, fmt::join(report.files, ", "));
      if (counted && report.unknown > 0)
        line +=
            fmt::format(" ({} of the text's {} tokens are unknown)", report.unknown, report.tokens);
      standard_output().line(line);
    }
  }

  VocabularyOptions learning_;
  std::vector<std::string> files_;
  std::string folder_;
  std::optional<double> coverage_;
  CommonOptions common_;
  InputOptions lines_;
  std::vector<std::unique_ptr<LineReader>> readers_;
  size_t reader_ = 0;
};

}  // namespace

VerbEntry vocab_verb() {
  return {"vocab", "learn a vocabulary from text",
          "transept vocab --input-file train.en --input-file train.de --size 8000 --output "
          "tokenizer\n"
          "transept vocab --type char --output letters < words.txt",
          [] { return std::unique_ptr<Verb>(std::make_unique<VocabVerb>()); }};
}

}  // namespace transept::cli
