// How a line of input becomes what a model reads: languages, blank lines, lines that are too long.
// One rule for every verb that hands text to a model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "input.h"
#include "options.h"
#include "transept/transept.h"

namespace transept::cli {

// --source-language, --target-language.
class LanguageOptions {
 public:
  void declare(Options& options);
  // Those that count for this model. Typed for a model without languages they are an Error usage;
  // in the environment they are for models that know some.
  [[nodiscard]] Languages of(const Options& options, const Model& model) const;
  // For a tokenizer by itself.
  [[nodiscard]] Languages of(const Options& options, const Tokenizer& tokenizer) const;

  std::string source;
  std::string target;
};

// What is read of one line.
struct Reading {
  std::vector<std::vector<Token>> parts;  // none: nothing is asked, the answer is blank
  bool is_left_out = false;               // too long, and skipped
};

class TextReader {
 public:
  explicit TextReader(std::vector<std::string> ways = {"error", "skip", "split", "cut"})
      : ways_(std::move(ways)) {}
  void declare(Options& options);        // --too-long
  void declare_blank(Options& options);  // --blank: for verbs whose answer to nothing is nothing
  void start(const Model& model, const Languages& languages);

  // Error bad_data or limit that names the line.
  [[nodiscard]] Reading read(const Line& line, bool as_ids);
  // How many lines were too long, if any were.
  void finish() const;
  [[nodiscard]] const Languages& languages() const { return languages_; }

 private:
  [[nodiscard]] std::vector<std::vector<Token>> read_text(const Line& line);
  [[nodiscard]] std::vector<std::vector<Token>> read_ids(const Line& line);
  void tell(const Line& line, const std::string& what);
  void check_part(const Line& line, const std::vector<Token>& ids) const;

  std::vector<std::string> ways_;
  std::string too_long_ = "error";
  std::string blank_ = "keep";
  bool keeps_blanks_ = false;
  const Model* model_ = nullptr;
  Languages languages_;
  std::int64_t n_lines_ = 0;
  std::int64_t n_too_long_ = 0;
};

// The parts read one after the other, as one memory.
[[nodiscard]] Memory memory_of(const Model& model, const Reading& reading);

// What --prompt says, as ids. Error usage for a prompt that the model does not know, bad_data.
struct PromptOptions {
  std::string text;
  bool any = false;
  bool is_ids = false;
  std::string ids_text;

  void declare(Options& options);
  void declare_any(Options& options);  // a part of declare()
  [[nodiscard]] std::vector<Token> ids(const Model& model, const Languages& languages) const;
  [[nodiscard]] std::vector<Token> ids_of(const std::string& prompt, const Model& model,
                                          const Languages& languages) const;
};

}  // namespace transept::cli
