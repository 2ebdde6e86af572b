// transept eval: generates for a test set, or takes outputs that are there, and scores them.
#include <fmt/format.h>

#include <algorithm>

#include "answers.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "common.h"
#include "eval/bleu_tokenizer.h"
#include "eval/metrics.h"
#include "search.h"

namespace transept::cli {
namespace {

class EvalVerb : public Verb {
 public:
  void declare(Options& options) override {
    common_.declare(options);
    languages_.declare(options);
    input_.declare(options);
    reader_.declare(options);
    reader_.declare_blank(options);
    options.texts("references", "FILE", reference_files_,
                  "one reference a line; again for more references. Without it, the input's lines "
                  "are source<TAB>reference, more references after further tabs");
    options.text("hypotheses", "FILE", hypotheses_, "score these outputs: no model is loaded");
    options.texts("metric", "NAME", metrics_,
                  "bleu, chrf, chrf++, ter, rouge1, rouge2, rougeL, rougeLsum, wer, cer, per, ser; "
                  "again or with commas for more (bleu,chrf)");
    options.choice("tokenize", bleu_tokenizers(), scoring_.bleu_tokenizer, "tokens of BLEU");
    options.choice("smoothing", {"exp", "floor", "add-k", "none"}, scoring_.bleu_smoothing,
                   "what an n-gram order without a match counts in BLEU");
    options.flag("lowercase", scoring_.lowercase, "ignore case in BLEU and chrF");
    options.flag("stemmer", scoring_.stemmer, "compare stems in ROUGE");
    options.text("newline", "TEXT", newline_,
                 "stands for a line feed in references and --hypotheses (for rougeLsum)");
    options.text("output", "FILE", output_, "write the model's outputs there, one a line");
    options.text(
        "prompt", "TEXT", prompt_.text,
        "what the decoder starts from; without it the one of the languages, or the model's "
        "first");
    prompt_.declare_any(options);
    search_.declare(options);
  }

  void run(Options& options) override {
    search_.finish(options);
    search_.search.logprobs = false;
    check(hypotheses_.empty() || output_.empty(), ErrorCode::usage,
          "--output writes a model's outputs; --hypotheses has them already: give one");
    check_metrics();
    read_set(options);
    set_.hypotheses = hypotheses_.empty() ? generate(options) : read_lines(hypotheses_);
    check(set_.hypotheses.size() == set_.references.size(), ErrorCode::bad_data,
          "{} hypotheses, but references for {} lines: each line needs both",
          set_.hypotheses.size(), set_.references.size());
    for (const std::string& metric : metrics_) print(measure(metric, set_, scoring_));
  }

 private:
  void check_metrics() {
    std::vector<std::string> all;
    for (const std::string& names : metrics_)
      for (std::string& name : split_at(names, ',')) all.push_back(std::move(name));
    if (all.empty()) all = {"bleu", "chrf"};
    const TestSet nothing{{""}, {{""}}};
    for (const std::string& name : all) (void)measure(name, nothing, scoring_);  // before the work
    metrics_ = std::move(all);
  }

  [[nodiscard]] std::vector<std::string> read_lines(const std::string& path) const {
    std::vector<std::string> lines;
    const auto reader = open_lines(path, input_.keep_returns);
    while (std::optional<std::string> line = reader->next()) {
      at_line(fmt::format("{}, line {}", path, reader->line_number()), [&] { check_text(*line); });
      lines.push_back(with_newlines(*line));
    }
    return lines;
  }

  [[nodiscard]] std::string with_newlines(std::string text) const {
    if (newline_.empty()) return text;
    for (size_t at = 0; (at = text.find(newline_, at)) != std::string::npos; ++at)
      text.replace(at, newline_.size(), "\n");
    return text;
  }

  // Sources, and references from further columns or from their own files. Outputs that are there
  // with references of their own need no input.
  void read_set(Options& options) {
    const bool has_files = !reference_files_.empty();
    if (!has_files || hypotheses_.empty()) {
      Lines lines(input_, options, common_.quiet);
      constexpr size_t kAtOnce = 4096;
      for (std::vector<Line> some = lines.next(kAtOnce); !some.empty(); some = lines.next(kAtOnce))
        for (Line& line : some) add_line(std::move(line), has_files);
    }
    for (const std::string& path : reference_files_) add_references(path);
    check(!set_.references.empty(), ErrorCode::bad_data, "eval: no lines to score");
  }

  void add_line(Line line, bool has_files) {
    if (!has_files) {
      std::vector<std::string> columns = split_at(line.text, '\t');
      check(columns.size() > 1, ErrorCode::bad_data,
            "{}: no reference; give --references, or lines of source<TAB>reference", line.where);
      at_line(line.where, [&] { check_text(line.text); });
      line.text = std::move(columns[0]);
      std::vector<std::string>& references = set_.references.emplace_back();
      for (size_t i = 1; i < columns.size(); ++i) references.push_back(with_newlines(columns[i]));
    }
    sources_.push_back(std::move(line));
  }

  void add_references(const std::string& path) {
    std::vector<std::string> lines = read_lines(path);
    if (set_.references.empty()) set_.references.resize(lines.size());
    const size_t wanted = sources_.empty() ? set_.references.size() : sources_.size();
    check(lines.size() == wanted, ErrorCode::bad_data,
          "{}: {} lines, but {} inputs or references before: each line needs one", path,
          lines.size(), wanted);
    for (size_t i = 0; i < lines.size(); ++i) set_.references[i].push_back(std::move(lines[i]));
  }

  std::vector<std::string> generate(const Options& options) {
    const Model model = common_.load(options);
    search_.check_effect(options, model);
    search_.read_restrictions(model);
    check(model.has_decoder() && model.has_tokenizer(), ErrorCode::unsupported,
          "{}: eval needs a model with a decoder and a tokenizer", common_.model);
    reader_.start(model, languages_.of(options, model));
    search_.search.source_language = reader_.languages().source;
    search_.search.target_language = reader_.languages().target;
    const std::vector<std::vector<Token>> prompt = {prompt_.ids(model, reader_.languages())};
    Answers answers(model, search_.search, search_.limits);
    for (const Line& line : sources_) answers.add(reader_.read(line, input_.source_ids), prompt);
    std::vector<std::string> outputs = answer(model, answers);
    reader_.finish();
    if (!output_.empty()) {
      std::string text;
      for (const std::string& output : outputs) text += one_line(output) + "\n";
      write_file_atomic(output_, text);
    }
    return outputs;
  }

  std::vector<std::string> answer(const Model& model, Answers& answers) {
    std::vector<std::string> outputs;
    LengthNotice notice(model, search_.search, common_.quiet);
    answers.run(
        [&](size_t, const std::vector<Hypothesis>& hypotheses) {
          notice.look(hypotheses);
          outputs.push_back(hypotheses.front().text);
        },
        [&] {
          if (!common_.quiet)
            progress(fmt::format("transept: {} of {} lines", outputs.size(), sources_.size()));
        });
    end_progress();
    return outputs;
  }

  void print(const Figure& figure) const {
    if (!common_.is_jsonl()) {
      standard_output().line(figure.text());
    } else {
      JsonWriter json;
      json.begin_object().member("metric", figure.metric).member("name", figure.name);
      json.member("score", figure.score).member("signature", figure.signature);
      if (!figure.detail.empty()) json.member("detail", figure.detail);
      json.member("lines", set_.hypotheses.size()).end_object();
      standard_output().line(json.text());
    }
    standard_output().flush();
  }

  CommonOptions common_;
  LanguageOptions languages_;
  InputOptions input_;
  TextReader reader_;
  SearchOptions search_;
  MetricOptions scoring_;
  std::vector<std::string> reference_files_;
  std::string hypotheses_;
  std::vector<std::string> metrics_;
  std::string newline_;
  std::string output_;
  PromptOptions prompt_;
  std::vector<Line> sources_;
  TestSet set_;
};

}  // namespace

VerbEntry eval_verb() {
  return {"eval", "BLEU, chrF, ROUGE, WER, … of a model on a test set",
          "transept eval opus-mt-en-de --input-file test.en --references test.de --beam 4\n"
          "transept eval --hypotheses output.txt --references test.de --metric bleu,chrf++,ter\n"
          "transept eval g2p --input-file words.tsv --metric per,ser",
          [] { return std::unique_ptr<Verb>(std::make_unique<EvalVerb>()); }};
}

}  // namespace transept::cli
