// transept explain: the worked example, STEP 0 … STEP 4, for one input and one prompt.
#include "base/error.h"
#include "base/file.h"
#include "common.h"
#include "reading.h"

#include <unistd.h>

namespace transept::cli {
namespace {

class ExplainVerb : public Verb {
 public:
  void declare(Options& options) override {
    common_.declare(options, {"text", "jsonl", "html"});
    languages_.declare(options);
    input_.declare(options);
    reader_.declare(options);
    prompt_.declare(options);
    options.text("memory", "FILE", memory_, "explain from a memory file: no encoder run");
    options.number("steps", explain_.steps, 1, 10000, "next tokens to choose");
    options.number("layer", layer_, 0, 10000, "the decoder layer to show; else the last");
    options.number("head", head_, 0, 10000, "the head to show; else the mean over all");
    options.number("top", explain_.top, 1, 1000, "candidates listed at each step");
    options.text("output", "FILE", output_, "write there instead of to stdout");
  }

  void run(Options& options) override {
    const std::string chosen = options.one_of({"input", "input-file", "memory"});
    if (chosen != "memory") memory_.clear();
    const Model model = common_.load(options);
    reader_.start(model, languages_.of(options, model));
    const std::vector<Token> prompt = prompt_.ids(model, reader_.languages());
    if (prompt_.is_ids)
      explain_.prompt_ids = prompt;
    else
      explain_.prompt = prompt_.text;
    explain_.any_prompt = prompt_.any || prompt_.is_ids;
    explain_.source_language = reader_.languages().source;
    explain_.target_language = reader_.languages().target;
    ExplanationView view;
    view.layer = layer_.value_or(-1);
    view.head = head_.value_or(-1);
    view.colour = output_.empty() && common_.use_colour(STDOUT_FILENO);
    if (common_.color == "always") view.colour = true;
    view.width = terminal_width();
    const std::string rendered = render(model.explain(memory(model, options), explain_), view);
    if (output_.empty()) return print(rendered);
    const InterruptGuard guard;
    write_file_atomic(output_, rendered);
  }

 private:
  Memory memory(const Model& model, Options& options) {
    if (!memory_.empty()) return model.load_memory(memory_);
    if (!model.has_encoder() && (!explain_.prompt.empty() || !explain_.prompt_ids.empty()))
      return {};
    const Line line = Lines(input_, options, common_.quiet).document();
    const Reading reading = reader_.read(line, input_.source_ids);
    if (!model.has_encoder()) {
      explain_.prompt_ids = reading.parts.front();
      return {};
    }
    if (!input_.source_ids) explain_.input = line.text;
    return at_line(line.where, [&] { return memory_of(model, reading); });
  }

  [[nodiscard]] std::string render(const Explanation& explanation,
                                   const ExplanationView& view) const {
    if (common_.format == "html") return render_html(explanation, view);
    if (common_.is_jsonl()) return render_json_lines(explanation, view);
    return render_text(explanation, view);
  }

  static void print(const std::string& text) {
    standard_output().write(text);
    standard_output().flush();
  }

  CommonOptions common_;
  LanguageOptions languages_;
  InputOptions input_;
  TextReader reader_{{"error", "split", "cut"}};
  PromptOptions prompt_;
  ExplainOptions explain_;
  std::string memory_;
  std::optional<int> layer_;
  std::optional<int> head_;
  std::string output_;
};

}  // namespace

VerbEntry explain_verb() {
  return {"explain", "the worked example: tokens, shapes, who attends to whom, next tokens",
          "transept explain flan-t5-small --input \"The quick brown fox jumped over the lazy dog\" "
          "--prompt \"Summarise this story for me\"\n"
          "transept explain flan-t5-small --input \"Good morning.\" --format html --output a.html",
          [] { return std::unique_ptr<Verb>(std::make_unique<ExplainVerb>()); }};
}

}  // namespace transept::cli
