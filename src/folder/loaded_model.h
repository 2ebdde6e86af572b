// A model folder, loaded: the model, its tokenizer, how it searches unless told otherwise, what it
// can be asked. The command, the library and the server all load with load_model().
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "folder/languages.h"
#include "folder/prompts.h"
#include "generate/options.h"
#include "io/checkpoint.h"
#include "text/tokenizer.h"

namespace transept {

struct ModelOptions {
  std::optional<Storage> storage = {};
  std::optional<Storage> keys = {};
  bool normalize_punctuation = false;
  std::vector<Translation> translations = {};  // beside those that the folder names
  Languages languages = {};                    // of requests that name none
  bool languages_if_any = false;  // … where the model knows languages; no error where it does not
};

// What the decoder starts from, as somebody asks for it.
struct PromptText {
  std::string text = {};  // empty: the one of the direction, else the folder's first
  bool any = false;       // as it is, also one that the folder does not list, or none
};

class LoadedModel {
 public:
  Checkpoint checkpoint;
  std::unique_ptr<const Tokenizer> tokenizer;  // null if the folder has none
  GenerateOptions defaults;
  Prompts prompts;
  LanguageTable languages;
  Languages usual_languages;

  [[nodiscard]] const Transformer& model() const { return *checkpoint.model; }
  [[nodiscard]] const Config& config() const { return checkpoint.model->config; }
  [[nodiscard]] const Tokenizer& text() const;  // Error not_found if there is none

  // What is asked for, laid over the languages that were named when it was loaded.
  [[nodiscard]] Direction direction(const Languages& asked) const;
  // The input's tokens. Error bad_data, or limit for a text that cannot fit, before it is
  // tokenized.
  [[nodiscard]] std::vector<Token> source_ids(std::string_view text,
                                              const Direction& direction = {}) const;
  // The prompt's tokens. Error usage for one that the folder does not list.
  [[nodiscard]] std::vector<Token> prompt_ids(const PromptText& prompt,
                                              const Direction& direction = {}) const;
  // The target's tokens for scoring: after a prompt the end mark alone, else all special tokens of
  // the target side.
  [[nodiscard]] std::vector<Token> target_ids(std::string_view text, bool after_prompt,
                                              const Direction& direction = {}) const;

  // How many tokens the model can read; 0: any number.
  [[nodiscard]] int max_source() const;
  // Texts of more bytes than this are too long whatever they say; none if any length is read.
  [[nodiscard]] std::optional<size_t> max_source_bytes() const;
  [[nodiscard]] bool fits(std::string_view text, const Direction& direction = {}) const;
  // The text in parts, each of which the model can read.
  [[nodiscard]] std::vector<std::string> split(std::string_view text,
                                               const Direction& direction = {}) const;
  // The tokens of the text's beginning, as many as the model reads; what a tokenizer puts behind a
  // text stays behind it.
  [[nodiscard]] std::vector<Token> cut_ids(std::string_view text,
                                           const Direction& direction = {}) const;

 private:
  // Not so long that it cannot fit whatever its pieces are: known before it is tokenized.
  [[nodiscard]] bool fits_in_bytes(std::string_view text) const;

  mutable std::once_flag measured_;
  mutable size_t longest_piece_ = 0;  // bytes
};

// Error not_found (a file is missing), bad_data, unsupported; usage for languages that the model
// does not know.
[[nodiscard]] std::unique_ptr<LoadedModel> load_model(const std::filesystem::path& folder,
                                                      ThreadPool& pool,
                                                      const ModelOptions& options = {});

}  // namespace transept
