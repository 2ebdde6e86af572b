// transept convert: another storage type for a model folder.
#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "common.h"
#include "io/convert.h"
#include "reading.h"

namespace transept::cli {
namespace {

class ConvertVerb : public Verb {
 public:
  void declare(Options& options) override {
    options.positional("model", common_.model, "a model folder in Hugging Face layout");
    common_.declare_shared(options);
    common_.declare_dtype(options, "int8");
    options.text("output", "FOLDER", output_, "where the result goes");
    options.real("max-error", max_error_, 0, 1,
                 "a matrix whose relative error is larger stays in bf16");
    options.text(
        "calibrate", "FILE", pairs_,
        "lines of input<TAB>output: the error of products on them, and how much less likely the "
        "outputs become");
    reader_.declare(options);
    lines_.declare_keep_cr(options);
    options.text("prompt", "TEXT", prompt_.text, "what the decoder starts from when calibrating");
    prompt_.declare_any(options);
  }

  void run(Options&) override {
    check(!output_.empty(), ErrorCode::usage, "convert: give --output FOLDER");
    ConvertOptions options{storage_named(common_.dtype).value_or(Storage::int8), max_error_, {}};
    const std::string from = model_folder(common_.model);
    const double before = pairs_ ? mean_logprob(from, &options.calibration) : 0;
    {
      ThreadPool pool(common_.threads);
      for (const ConvertedMatrix& matrix : convert_checkpoint(from, output_, options, pool))
        standard_output().line(common_.is_jsonl() ? json(matrix) : text(matrix));
    }
    if (pairs_) tell_effect(before, mean_logprob(output_, nullptr));
    standard_output().flush();
  }

 private:
  static std::string text(const ConvertedMatrix& m) {
    const std::string product =
        m.product_error ? fmt::format(", of products {:.5f}", *m.product_error) : "";
    return fmt::format("{:<36} {:>6} x {:<6} {:<5} error {:.5f}{}  {:>9} bytes", m.name, m.rows,
                       m.cols, name_of(m.storage), m.error, product, m.bytes);
  }

  static std::string json(const ConvertedMatrix& m) {
    JsonWriter w;
    w.begin_object()
        .member("name", m.name)
        .member("rows", m.rows)
        .member("cols", m.cols)
        .member("dtype", name_of(m.storage))
        .member("error", m.error)
        .member("bytes", static_cast<std::int64_t>(m.bytes));
    if (m.product_error) w.member("product_error", *m.product_error);
    w.end_object();
    return w.take();
  }

  // Log-probability per token of the given outputs.
  void tell_effect(double before, double after) const {
    if (common_.is_jsonl()) {
      JsonWriter w;
      w.begin_object()
          .member("tokens", tokens_)
          .member("logprob_before", before)
          .member("logprob_after", after)
          .end_object();
      standard_output().line(w.take());
    } else {
      standard_output().line(fmt::format(
          "log-probability per token of {} tokens of output: {:.5f} before, {:.5f} after", tokens_,
          before, after));
    }
  }

  double mean_logprob(const std::string& folder, std::vector<CalibrationPair>* kept) {
    LoadOptions load;
    load.threads = common_.threads;
    const Model model = Model::load(folder, load);
    const std::vector<Token> prompt = prompt_.ids(model, {});
    reader_.start(model, {});
    const std::unique_ptr<LineReader> reader = open_lines(*pairs_, lines_.keep_returns);
    double sum = 0;
    tokens_ = 0;
    while (const std::optional<std::string> read = reader->next()) {
      const Line line{*read, fmt::format("{}, line {}", reader->name(), reader->line_number())};
      const size_t tab = line.text.find('\t');
      check(tab != std::string::npos, ErrorCode::bad_data, "{}: expected input<TAB>output",
            line.where);
      Line source = line;
      source.text = line.text.substr(0, tab);
      const std::string target = line.text.substr(tab + 1);
      const Reading reading = reader_.read(source, false);
      if (reading.is_left_out) continue;
      const std::vector<Token>& input = reading.parts.front();
      const Score score = at_line(line.where, [&] {
        Score result = model.score(model.encode(input), target, prompt, 0);
        if (kept != nullptr) {
          kept->push_back({input, prompt, {}});
          for (const ScoredToken& token : result.tokens) kept->back().target.push_back(token.id);
        }
        return result;
      });
      sum += score.logprob;
      tokens_ += static_cast<std::int64_t>(score.tokens.size());
    }
    check(tokens_ > 0, ErrorCode::bad_data, "{}: no line to calibrate on", *pairs_);
    return sum / static_cast<double>(tokens_);
  }

  CommonOptions common_;
  std::string output_;
  std::optional<double> max_error_;
  std::optional<std::string> pairs_;
  PromptOptions prompt_;
  TextReader reader_{{"error", "skip", "cut"}};
  InputOptions lines_;
  std::int64_t tokens_ = 0;
};

}  // namespace

VerbEntry convert_verb() {
  return {"convert", "a model folder in another storage type",
          "transept convert flan-t5-small --output flan-t5-small-int8 --dtype int8\n"
          "transept convert opus-mt --output opus-mt-8 --max-error 0.02 --calibrate pairs.tsv",
          [] { return std::unique_ptr<Verb>(std::make_unique<ConvertVerb>()); }};
}

}  // namespace transept::cli
