// What a model's config.json says that it can be asked: T5's task_specific_params.
#pragma once

#include <string>
#include <vector>

namespace transept {

struct NamedTask {
  std::string name;            // "summarization", "translation_en_to_de"
  std::string prefix;          // stands before the text in the encoder's input
  std::string decoder_prompt;  // what the decoder starts from, for models that are asked there
  std::vector<std::string> other_wordings;  // of that prompt
};

// A language pair that a model translates.
struct Translation {
  std::string source;
  std::string target;
  std::string prefix;    // put before the text: "translate English to German: "
  std::string prompt{};  // what the decoder starts from: "Translate to German"
};

// In the order of the file. Error bad_data for text that is no JSON.
[[nodiscard]] std::vector<NamedTask> named_tasks(const std::string& config_json);

// Those named "translation_en_to_de".
[[nodiscard]] std::vector<Translation> translations_of(const std::vector<NamedTask>& tasks);

// Those with a decoder_prompt; the first is what a client asks that knows of no prompts.
[[nodiscard]] std::vector<std::string> decoder_prompts(const std::vector<NamedTask>& tasks);

}  // namespace transept
