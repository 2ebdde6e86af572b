// What the files of the OpenAI surface share. How prompts and messages map onto input and prompt is
// written in docs/serving.md.
#pragma once

#include "serve/api/native.h"
#include "serve/api/stream.h"

namespace transept::serve {

[[nodiscard]] std::string openai_error_body(const Failure& failure);
[[nodiscard]] std::string openai_id(const char* prefix);
[[nodiscard]] std::int64_t now_unix();

// "text" is what the client wrote last: the encoder's input, or the prompt where "memory" or
// "input" names what to read. `begun` is what the prompt is, or begins with, where the text is the
// input; empty: the usual one. Members that would change the answer and cannot be followed, and
// those that nobody knows, are an Error.
[[nodiscard]] Ask openai_ask(const Service& service, const Json& body, std::string_view text,
                             std::string_view begun = {});
// The same in two steps, for many texts: what the body says beside them is read once.
struct OpenAiBase {
  Ask ask;
  Direction direction;
  bool any_prompt = false;
  bool has_input = false;  // a memory or "input_text": the text is the prompt
};
[[nodiscard]] OpenAiBase openai_base(const Service& service, const Json& body);
[[nodiscard]] Ask with_text(const OpenAiBase& base, std::string_view text,
                            std::string_view begun = {});
[[nodiscard]] Ask with_ids(const OpenAiBase& base, const Json& array);
// Whether instructions are the decoder's prompt: the model was taught prompts, and the request's
// text is its input.
[[nodiscard]] bool instructions_are_prompt(const Service& service, const Json& body);
// Text of a message's content: a string, or parts of type text.
[[nodiscard]] std::string content_text(const Json& content);

// Cuts the text at the first of some stop texts. Holds back what may be the beginning of one.
class StopText {
 public:
  explicit StopText(std::vector<std::string> stops) : stops_(std::move(stops)) {}
  std::string add(const std::string& text);  // what may be sent now
  std::string finish();                      // the rest
  [[nodiscard]] bool stopped() const { return stopped_; }
  [[nodiscard]] std::string cut(const std::string& text, bool& stopped) const;

 private:
  std::vector<std::string> stops_;
  std::string held_;
  bool stopped_ = false;
};

void write_usage(JsonWriter& json, const std::vector<Answer>& answers, bool as_responses = false);
void write_extras(JsonWriter& json, const std::vector<Answer>& answers);
[[nodiscard]] const char* finish_reason(const Hypothesis& hypothesis, bool stopped);
[[nodiscard]] bool wants_usage(const Json& body);

Task<void> openai_completions(Call& call);
Task<void> openai_chat(Call& call);
Task<void> openai_responses(Call& call);

}  // namespace transept::serve
