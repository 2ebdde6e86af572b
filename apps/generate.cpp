// transept generate: input texts -> output texts, in order, many at a time.
#include <fmt/format.h>

#include "answers.h"
#include "base/error.h"
#include "base/json.h"
#include "common.h"
#include "search.h"

namespace transept::cli {
namespace {

class GenerateVerb : public Verb {
 public:
  void declare(Options& options) override {
    common_.declare(options);
    languages_.declare(options);
    input_.declare(options);
    reader_.declare(options);
    reader_.declare_blank(options);
    options.texts("prompt", "TEXT", prompts_,
                  "what the decoder starts from; again for another answer to the same input; "
                  "without it the one of the languages, or the model's first");
    options.ids("prompt-ids", prompt_.is_ids, prompt_.ids_text,
                "the prompt is token ids, not text");
    prompt_.declare_any(options);
    options.texts("memory", "FILE", memories_,
                  "answer from a memory file: no encoder run; again for several joined");
    search_.declare(options);
    options.flag("stream", stream_, "print the text as it grows; beams: when it is found");
    options.flag("stats", stats_, "at the end, counts and times as one JSON line on stderr");
  }

  void run(Options& options) override {
    check_usage(options);
    model_.emplace(common_.load(options));
    search_.check_effect(options, *model_);
    search_.read_restrictions(*model_);
    reader_.start(*model_, asked_languages(options));
    if (!prompt_.ids_text.empty()) prompts_ = {prompt_.ids_text};
    if (prompts_.empty()) prompts_ = {""};
    for (const std::string& prompt : prompts_)
      prompt_tokens_.push_back(prompt_.ids_of(prompt, *model_, reader_.languages()));
    notice_.emplace(*model_, search_.search, common_.quiet);
    Answers answers(*model_, search_.search, search_.limits);
    if (!memories_.empty()) {
      answers.add(kept_memory(), prompt_tokens_);
      answer(answers, 1);
    } else if (!model_->has_encoder() && options.one_of({"input", "input-file"}).empty() &&
               input_.ids.empty() && (options.given("prompt") || options.given("prompt-ids"))) {
      answers.add(Memory(), prompt_tokens_);  // a decoder on its own needs no input
      answer(answers, 1);
    } else {
      answer_lines(options, answers);
    }
    end_progress();
    reader_.finish();
    if (stats_) print_stats();
  }

 private:
  void check_usage(Options& options) {
    const std::string input = options.one_of({"input", "input-file", "memory"});
    if (input != "memory") memories_.clear();
    check(memories_.empty() || input_.ids.empty(), ErrorCode::usage,
          "--memory and --source-ids exclude each other: give one");
    check(!prompt_.is_ids || prompt_.ids_text.empty() || prompts_.empty(), ErrorCode::usage,
          "--prompt-ids {}: the prompt is given twice; leave out --prompt", prompt_.ids_text);
    search_.finish(options);
    search_.search.logprobs = common_.is_jsonl();
  }

  // Those that count, told to the search too.
  Languages asked_languages(const Options& options) {
    const Languages languages = languages_.of(options, *model_);
    search_.search.source_language = languages.source;
    search_.search.target_language = languages.target;
    check(memories_.empty() || !model_->are_in_input(languages), ErrorCode::usage,
          "--target-language {}: this model is told it in the input, which the memory holds "
          "already; encode with it",
          languages.target);
    return languages;
  }

  [[nodiscard]] Memory kept_memory() const {
    std::vector<Memory> parts;
    for (const std::string& file : memories_) parts.push_back(model_->load_memory(file));
    return parts.size() == 1 ? parts.front() : concat(parts);
  }

  void answer_lines(Options& options, Answers& answers) {
    Lines lines(input_, options, common_.quiet);
    const size_t most = stream_ ? 1 : static_cast<size_t>(search_.limits.max_inputs) * 8;
    for (;;) {
      const std::vector<Line> window = lines.next(most);
      if (window.empty()) return;
      std::int64_t n_read = 0;
      try {
        for (const Line& line : window) {
          answers.add(reader_.read(line, input_.source_ids), prompt_tokens_);
          ++n_read;
        }
      } catch (const Error&) {
        answer(answers, n_read);  // what came before the bad line is answered
        throw;
      }
      answer(answers, n_read);
      if (!common_.quiet) progress(fmt::format("transept: {} lines", n_inputs_));
    }
  }

  // Writes the answers in order, as soon as they are there.
  void answer(Answers& answers, std::int64_t n_inputs) {
    const auto flush = [] { standard_output().flush(); };
    if (!stream_) {
      answers.run([&](size_t index, const auto& found) { write(index, found, false); }, flush);
    } else {
      const bool as_text = !common_.is_jsonl() && model_->has_tokenizer();
      answers.run_streaming(
          [&](size_t index, const auto& found) {
            write(index, found, as_text);
            flush();
          },
          [&](std::string_view text) {
            if (!as_text) return;
            standard_output().write(one_line(std::string(text)));
            flush();
          });
    }
    n_inputs_ += n_inputs;
  }

  void write(size_t index, const std::vector<Hypothesis>& hypotheses, bool best_is_out) {
    const size_t n_prompts = prompts_.size();
    const std::int64_t input = n_inputs_ + static_cast<std::int64_t>(index / n_prompts);
    notice_->look(hypotheses);
    for (size_t rank = 0; rank < hypotheses.size(); ++rank) {
      const Hypothesis& hypothesis = hypotheses[rank];
      if (common_.is_jsonl())
        standard_output().line(json(input, rank, index % n_prompts, hypothesis));
      else if (best_is_out && rank == 0)
        standard_output().line("");
      else
        standard_output().line(model_->has_tokenizer() ? one_line(hypothesis.text)
                                                       : ids_text(hypothesis.ids));
    }
  }

  std::string json(std::int64_t input, size_t rank, size_t prompt, const Hypothesis& hypothesis) {
    JsonWriter json;
    json.begin_object().member("input", input);
    if (prompts_.size() > 1) json.member("prompt", prompt);
    json.member("rank", rank).member("text", hypothesis.text);
    json.key("ids").begin_array();
    for (const Token id : hypothesis.ids) json.value(id);
    json.end_array().member("score", hypothesis.score).member("logprob", hypothesis.logprob);
    json.member("finish", name_of(hypothesis.finish)).end_object();
    return json.take();
  }

  void print_stats() {
    const Stats stats = model_->stats();
    JsonWriter json;
    json.begin_object().member("encoder_runs", stats.encoder_runs);
    json.member("source_tokens", stats.source_tokens).member("output_tokens", stats.output_tokens);
    json.member("load_seconds", stats.load_seconds).member("encode_seconds", stats.encode_seconds);
    json.member("decode_seconds", stats.decode_seconds).member("peak_bytes", peak_bytes());
    json.end_object();
    message(json.text());
  }

  CommonOptions common_;
  LanguageOptions languages_;
  InputOptions input_;
  TextReader reader_;
  SearchOptions search_;
  PromptOptions prompt_;
  std::vector<std::string> prompts_;
  std::vector<std::vector<Token>> prompt_tokens_;  // one per prompt
  std::vector<std::string> memories_;
  bool stream_ = false;
  bool stats_ = false;
  std::optional<Model> model_;
  std::optional<LengthNotice> notice_;
  std::int64_t n_inputs_ = 0;  // answered so far
};

}  // namespace

VerbEntry generate_verb() {
  return {"generate", "input texts to output texts",
          "transept generate --input \"I am tired.\" --prompt \"Translate to German\"\n"
          "transept generate flan-t5-small --input \"translate English to German: Good morning.\"\n"
          "transept generate opus-mt-en-fr --beam 4 --format jsonl < english.txt\n"
          "transept generate bart-large-cnn --memory report.memory --stats",
          [] { return std::unique_ptr<Verb>(std::make_unique<GenerateVerb>()); }};
}

}  // namespace transept::cli
