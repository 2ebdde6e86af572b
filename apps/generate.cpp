// transept generate: input texts -> output texts, in order, many at a time.
#include <unistd.h>

#include <fmt/format.h>

#include <map>

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
    input_.declare(options);
    options.texts("prompt", "TEXT", prompts_,
                  "what the decoder starts from; again for another answer to the same input");
    options.ids("prompt-ids", prompt_ids_, prompt_ids_text_, "the prompt is token ids, not text");
    options.texts("memory", "FILE", memories_,
                  "answer from a memory file: no encoder run; again for several joined");
    search_.declare(options);
    options.flag("stream", stream_, "print the text as it grows; beams: when it is found");
    options.flag("stats", stats_, "at the end, counts and times as one JSON line on stderr");
  }

  void run(Options& options) override {
    check_usage(options);
    model_.emplace(common_.load());
    search_.read_restrictions(*model_);
    if (!prompt_ids_text_.empty()) prompts_ = {prompt_ids_text_};
    if (prompts_.empty()) {
      prompts_ = {""};
      tell_prompts();
    }
    for (const std::string& prompt : prompts_) prompt_tokens_.push_back(tokens_of_prompt(prompt));
    if (!memories_.empty()) {
      answer({Request{.memory = kept_memory(), .source = {}, .prompt = {}}});
    } else if (!model_->has_encoder() && options.one_of({"input", "input-file"}).empty() &&
               input_.ids.empty() && (options.given("prompt") || options.given("prompt-ids"))) {
      answer({Request{}});  // a decoder on its own needs no input
    } else {
      answer_lines(options);
    }
    end_progress();
    if (stats_) print_stats();
  }

 private:
  void check_usage(Options& options) {
    const std::string input = options.one_of({"input", "input-file", "memory"});
    if (input != "memory") memories_.clear();
    check(memories_.empty() || input_.ids.empty(), ErrorCode::usage,
          "--memory and --source-ids exclude each other: give one");
    check(!prompt_ids_ || prompt_ids_text_.empty() || prompts_.empty(), ErrorCode::usage,
          "--prompt-ids {}: the prompt is given twice; leave out --prompt", prompt_ids_text_);
    search_.finish(options);
    search_.search.logprobs = common_.is_jsonl();
  }

  [[nodiscard]] Memory kept_memory() const {
    std::vector<Memory> parts;
    for (const std::string& file : memories_) parts.push_back(model_->load_memory(file));
    return parts.size() == 1 ? parts.front() : concat(parts);
  }

  // A model that is asked in the decoder has not learned to answer nothing.
  void tell_prompts() const {
    std::string all;
    for (const std::string& prompt : model_->prompts())
      all += fmt::format("{}\"{}\"", all.empty() ? "" : ", ", prompt);
    if (common_.quiet || all.empty()) return;
    message("this model expects a --prompt, such as " + all);
  }

  std::vector<Token> tokens_of_prompt(const std::string& prompt) {
    if (prompt_ids_) return parse_ids(prompt, "--prompt-ids");
    return prompt_tokens(*model_, prompt);
  }

  void answer_lines(Options& options) {
    Lines lines(input_, options, common_.quiet);
    const size_t most = stream_ ? 1 : static_cast<size_t>(search_.limits.max_inputs) * 8;
    for (;;) {
      const std::vector<Line> window = lines.next(most);
      if (window.empty()) return;
      std::vector<Request> requests;
      try {
        for (const Line& line : window)
          requests.push_back({.memory = {},
                              .source = source_tokens(*model_, line, input_.source_ids),
                              .prompt = {}});
      } catch (const Error&) {
        answer(requests);  // what came before the bad line is answered
        throw;
      }
      answer(requests);
      if (!common_.quiet) progress(fmt::format("transept: {} lines", n_inputs_));
    }
  }

  // Answers each request for each prompt; writes in order, as soon as all earlier ones are there.
  void answer(const std::vector<Request>& inputs) {
    if (inputs.empty()) return;
    if (stream_) return answer_streaming(inputs);
    const std::vector<Request> requests = with_prompts(inputs);
    std::map<size_t, std::vector<Hypothesis>> waiting;
    size_t next = 0;
    model_->generate_batch(requests, search_.search, search_.limits,
                           [&](size_t index, std::vector<Hypothesis> hypotheses) {
                             waiting[index] = std::move(hypotheses);
                             for (; !waiting.empty() && waiting.begin()->first == next; ++next) {
                               write(next, waiting.begin()->second);
                               waiting.erase(waiting.begin());
                             }
                             standard_output().flush();
                             return true;
                           });
    n_inputs_ += static_cast<std::int64_t>(inputs.size());
  }

  // Several prompts for one input share its Memory, so it is encoded here, once.
  std::vector<Request> with_prompts(const std::vector<Request>& inputs) {
    std::vector<Request> requests;
    for (const Request& input : inputs) {
      Request request = input;
      if (prompts_.size() > 1 && request.memory.empty() && model_->has_encoder()) {
        request.memory = model_->encode(request.source);
      }
      for (const std::vector<Token>& prompt : prompt_tokens_) {
        request.prompt = prompt;
        requests.push_back(request);
      }
    }
    return requests;
  }

  void answer_streaming(const std::vector<Request>& inputs) {
    size_t index = 0;
    for (const Request& request : with_prompts(inputs)) {
      GenerateOptions search = search_.search;
      search.prompt_ids = request.prompt;
      const Memory memory = request.memory.empty() && model_->has_encoder()
                                ? model_->encode(request.source)
                                : request.memory;
      if (!model_->has_encoder())
        search.prompt_ids.insert(search.prompt_ids.begin(), request.source.begin(),
                                 request.source.end());
      const bool as_text = !common_.is_jsonl() && model_->has_tokenizer();
      std::string streamed;
      const auto hypotheses = model_->generate(memory, search, [&](Token, std::string_view text) {
        if (!as_text) return true;
        streamed += text;
        standard_output().write(one_line(std::string(text)));
        standard_output().flush();
        return true;
      });
      write(index++, hypotheses, as_text);
      standard_output().flush();
    }
    n_inputs_ += static_cast<std::int64_t>(inputs.size());
  }

  void write(size_t index, const std::vector<Hypothesis>& hypotheses, bool best_is_out = false) {
    const auto prompts = prompts_.size();
    const std::int64_t input = n_inputs_ + static_cast<std::int64_t>(index / prompts);
    for (size_t rank = 0; rank < hypotheses.size(); ++rank) {
      const Hypothesis& hypothesis = hypotheses[rank];
      note_limit(input, hypothesis);
      if (common_.is_jsonl())
        standard_output().line(json(input, rank, index % prompts, hypothesis));
      else if (best_is_out && rank == 0)
        standard_output().line("");
      else
        standard_output().line(model_->has_tokenizer() ? one_line(hypothesis.text)
                                                       : ids_text(hypothesis.ids));
    }
  }

  // An output that ends in the middle should not look whole; JSON lines and --stats readers see it
  // in "finish".
  void note_limit(std::int64_t input, const Hypothesis& hypothesis) {
    if (noted_limit_ || hypothesis.finish == Finish::eos || search_.search.max_new_tokens) return;
    if (common_.quiet || common_.is_jsonl() || !is_terminal(STDERR_FILENO)) return;
    noted_limit_ = true;
    message(
        fmt::format("input {} was answered with {} tokens, the model's limit where no "
                    "--max-new-tokens is given",
                    input, hypothesis.ids.size()));
  }

  std::string json(std::int64_t input, size_t rank, size_t prompt, const Hypothesis& hypothesis) {
    JsonWriter json;
    json.begin_object().member("input", input);
    if (prompts_.size() > 1) json.member("prompt", prompt);
    json.member("rank", rank).member("text", hypothesis.text);
    json.key("ids").begin_array();
    for (const Token id : hypothesis.ids) json.value(id);
    json.end_array().member("score", hypothesis.score).member("logprob", hypothesis.logprob);
    json.member("finish", hypothesis.finish == Finish::eos ? "eos" : "length").end_object();
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
  InputOptions input_;
  SearchOptions search_;
  std::vector<std::string> prompts_;
  std::vector<std::vector<Token>> prompt_tokens_;  // one per prompt
  std::string prompt_ids_text_;
  std::vector<std::string> memories_;
  bool prompt_ids_ = false;
  bool stream_ = false;
  bool stats_ = false;
  bool noted_limit_ = false;
  std::optional<Model> model_;
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
