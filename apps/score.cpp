// transept score: how probable the model finds a given target.
#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "common.h"
#include "reading.h"

namespace transept::cli {
namespace {

class ScoreVerb : public Verb {
 public:
  void declare(Options& options) override {
    common_.declare(options);
    languages_.declare(options);
    input_.declare(options);
    reader_.declare(options);
    options.text("target", "TEXT", target_, "the target; without it lines are source<TAB>target");
    options.ids("target-ids", target_ids_, target_ids_text_, "the target is token ids, not text");
    prompt_.declare(options);
    options.text("memory", "FILE", memory_, "score against a memory file: no encoder run");
    options.number("top", top_, 0, 1000, "also list the N most probable tokens at each position");
  }

  void run(Options& options) override {
    const std::string chosen = options.one_of({"input", "input-file", "memory"});
    if (chosen != "memory") memory_.clear();
    if (!target_ids_text_.empty()) target_ = target_ids_text_;
    model_.emplace(common_.load(options));
    check(model_->has_decoder(), ErrorCode::unsupported, "{}: an encoder on its own scores nothing",
          common_.model);
    reader_.start(*model_, languages_.of(options, *model_));
    prompt_tokens_ = prompt_.ids(*model_, reader_.languages());
    if (!memory_.empty()) {
      check(target_.has_value(), ErrorCode::usage, "score: --memory needs --target");
      return write(model_->load_memory(memory_), prompt_tokens_, *target_, "--target");
    }
    Lines lines(input_, options, common_.quiet);
    for (;;) {
      const std::vector<Line> window = lines.next(1);
      if (window.empty()) return reader_.finish();
      score_line(window[0], chosen == "input" || !input_.ids.empty());
    }
  }

 private:
  void score_line(const Line& line, bool is_whole) {
    Line source = line;
    std::string target;
    if (target_) {
      target = *target_;
    } else {
      const size_t tab = line.text.find('\t');
      check(tab != std::string::npos, is_whole ? ErrorCode::usage : ErrorCode::bad_data,
            "{}: no target; give --target, or lines of source<TAB>target", line.where);
      source.text = line.text.substr(0, tab);
      target = line.text.substr(tab + 1);
    }
    const Reading reading = reader_.read(source, input_.source_ids);
    if (reading.is_left_out) return leave_out();
    std::vector<Token> prompt = prompt_tokens_;
    if (model_->has_encoder())
      return write(at_line(line.where, [&] { return memory_of(*model_, reading); }), prompt, target,
                   line.where);
    const std::vector<Token>& ids = reading.parts.front();
    prompt.insert(prompt.begin(), ids.begin(), ids.end());
    write(Memory(), prompt, target, line.where);
  }

  void leave_out() {
    JsonWriter json;
    json.begin_object().member("input", input_index_++).key("logprob").null();
    json.key("tokens").begin_array().end_array().end_object();
    standard_output().line(common_.is_jsonl() ? json.take() : "");
    standard_output().flush();
  }

  void write(const Memory& memory, const std::vector<Token>& prompt, const std::string& target,
             const std::string& where) {
    const Score score = at_line(where, [&] {
      if (target_ids_ || (input_.source_ids && !target_))
        return model_->score(memory, parse_ids(target, "the target"), prompt, top_);
      check_text(target);
      return model_->score(memory, target, prompt, top_, reader_.languages());
    });
    standard_output().line(common_.is_jsonl() ? json(score) : text(score));
    standard_output().flush();
    ++input_index_;
  }

  // -1.2500<TAB>▁for:-0.0200 ▁you:-1.2300
  static std::string text(const Score& score) {
    std::string line = fmt::format("{:.6f}\t", score.logprob);
    for (size_t i = 0; i < score.tokens.size(); ++i)
      line += fmt::format("{}{}:{:.6f}", i > 0 ? " " : "", one_line(score.tokens[i].piece),
                          score.tokens[i].logprob);
    return line;
  }

  [[nodiscard]] std::string json(const Score& score) const {
    JsonWriter json;
    json.begin_object().member("input", input_index_).member("logprob", score.logprob);
    json.key("tokens").begin_array();
    for (const ScoredToken& token : score.tokens) {
      json.begin_object().member("id", token.id).member("piece", token.piece);
      json.member("logprob", token.logprob);
      if (top_ > 0) {
        json.key("top").begin_array();
        for (const auto& [id, logprob] : token.top)
          json.begin_array().value(id).value(logprob).end_array();
        json.end_array();
      }
      json.end_object();
    }
    json.end_array().end_object();
    return json.take();
  }

  CommonOptions common_;
  LanguageOptions languages_;
  InputOptions input_;
  TextReader reader_;
  std::optional<std::string> target_;
  bool target_ids_ = false;
  std::string target_ids_text_;
  PromptOptions prompt_;
  std::string memory_;
  int top_ = 0;
  std::optional<Model> model_;
  std::vector<Token> prompt_tokens_;
  std::int64_t input_index_ = 0;
};

}  // namespace

VerbEntry score_verb() {
  return {"score", "log-probability of a given target, per token and in sum",
          "transept score flan-t5-small --input \"translate English to German: Good morning.\" "
          "--target \"Guten Morgen.\"\n"
          "transept score flan-t5-small --input-file pairs.tsv --format jsonl --top 3",
          [] { return std::unique_ptr<Verb>(std::make_unique<ScoreVerb>()); }};
}

}  // namespace transept::cli
