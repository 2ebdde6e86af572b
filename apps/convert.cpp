// transept convert: another storage type for a model folder.
#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "common.h"
#include "io/convert.h"

namespace transept::cli {
namespace {

class ConvertVerb : public Verb {
 public:
  void declare(Options& options) override {
    options.positional("model", model_, "a model folder in Hugging Face layout");
    options.text("output", "FOLDER", output_, "where the result goes");
    options.choice("dtype", {"f32", "bf16", "int8", "int4"}, dtype_, "storage of the matrices");
    options.real("max-error", max_error_, 0, 1,
                 "a matrix whose relative error in int8 is larger stays in bf16");
    options.text("calibrate", "FILE", pairs_,
                 "lines of input<TAB>output: how much less likely the outputs become");
    options.text("prompt", "TEXT", prompt_, "what the decoder starts from when calibrating");
    options.number("threads", threads_, 0, 4096, "threads to compute with; 0: one per core");
    options.choice("format", {"text", "jsonl"}, format_, "how the report is written");
    options.flag("quiet", quiet_, "no messages but errors");
  }

  void run(Options&) override {
    check(!output_.empty(), ErrorCode::usage, "convert: give --output FOLDER");
    const ConvertOptions options{storage_named(dtype_).value(), max_error_};
    const std::string from = model_folder(model_);
    {
      ThreadPool pool(threads_);
      for (const ConvertedMatrix& matrix : convert_checkpoint(from, output_, options, pool))
        standard_output().line(format_ == "jsonl" ? json(matrix) : text(matrix));
    }
    if (pairs_) calibrate(from);
    standard_output().flush();
  }

 private:
  static std::string text(const ConvertedMatrix& m) {
    return fmt::format("{:<36} {:>6} x {:<6} {:<5} error {:.5f}  {:>9} bytes", m.name, m.rows,
                       m.cols, name_of(m.storage), m.error, m.bytes);
  }

  static std::string json(const ConvertedMatrix& m) {
    JsonWriter w;
    w.begin_object()
        .member("name", m.name)
        .member("rows", m.rows)
        .member("cols", m.cols)
        .member("dtype", name_of(m.storage))
        .member("error", m.error)
        .member("bytes", static_cast<std::int64_t>(m.bytes))
        .end_object();
    return w.take();
  }

  // Log-probability per token of the given outputs, before and after.
  void calibrate(const std::string& from) {
    const double before = mean_logprob(from);
    const double after = mean_logprob(output_);
    if (format_ == "jsonl") {
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

  double mean_logprob(const std::string& folder) {
    LoadOptions load;
    load.threads = threads_;
    const Model model = Model::load(folder, load);
    const std::vector<Token> prompt = prompt_tokens(model, prompt_);
    const std::unique_ptr<LineReader> reader = open_lines(*pairs_);
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
      const Score score = at_line(line.where, [&] {
        return model.score(model.encode(source_tokens(model, source, false)), target, prompt, 0);
      });
      sum += score.logprob;
      tokens_ += static_cast<std::int64_t>(score.tokens.size());
    }
    check(tokens_ > 0, ErrorCode::bad_data, "{}: no line to calibrate on", *pairs_);
    return sum / static_cast<double>(tokens_);
  }

  std::string model_ = "default";
  std::string output_;
  std::string dtype_ = "int8";
  std::optional<double> max_error_;
  std::optional<std::string> pairs_;
  std::string prompt_;
  int threads_ = 0;
  std::string format_ = "text";
  bool quiet_ = false;
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
