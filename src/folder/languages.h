// Which languages a model folder knows, and how the model is told of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/tasks.h"
#include "text/tokenizer.h"

namespace transept {

// As somebody asks for them, case aside; empty: the model's own.
struct Languages {
  std::string source;
  std::string target;
  [[nodiscard]] bool empty() const { return source.empty() && target.empty(); }
  bool operator==(const Languages&) const = default;
};

// What a pair of languages means for a request.
struct Direction {
  Languages codes;                  // for the tokenizer; empty: those it was loaded with
  std::string prefix;               // put before the input's text
  std::string prompt;               // what the decoder starts from; empty: nothing of its own
  std::optional<Token> forced_bos;  // the language that the output begins with
  // The input says the target: a memory of another target does not do.
  [[nodiscard]] bool is_in_input() const { return !prefix.empty() || is_marked; }
  bool is_marked = false;  // by a token before the input's text
};

// A folder's languages: codes of its tokenizer, or pairs that its config.json names, or none.
class LanguageTable {
 public:
  LanguageTable() = default;
  // `tokenizer` may be null; it has to outlive the table.
  LanguageTable(const Tokenizer* tokenizer, std::vector<Translation> pairs);

  [[nodiscard]] bool empty() const { return !has_codes() && pairs_.empty(); }
  [[nodiscard]] bool has_codes() const { return tokenizer_ && !tokenizer_->languages().empty(); }
  // One code each; no pair is listed.
  [[nodiscard]] std::vector<std::string> codes() const;
  [[nodiscard]] const std::vector<Translation>& pairs() const { return pairs_; }
  // Adds a pair. What it leaves open is as the folder says of the same pair.
  void add(Translation pair);

  // Whether these are known: a pair, or codes. `loosely`: the same language in another spelling
  // ("de" where the model says deu_Latn), if that is one only. An open source is known where one
  // pair alone has the target.
  [[nodiscard]] bool knows(const Languages& asked, bool loosely) const;
  // The source that goes with a target and is left open: "" where there is none or are several.
  [[nodiscard]] std::string only_source(std::string_view target) const;

  // Error usage, which says what there is, for languages that the model does not know, and for all
  // where it knows none.
  [[nodiscard]] Direction direction(const Languages& asked) const;

 private:
  [[nodiscard]] std::optional<std::string> find_code(std::string_view asked) const;
  [[nodiscard]] std::string code_of(const char* side, const std::string& asked) const;
  [[nodiscard]] const Translation* find_pair(const Languages& asked) const;
  [[nodiscard]] Direction by_codes(const Languages& asked) const;

  const Tokenizer* tokenizer_ = nullptr;
  std::vector<Translation> pairs_;
};

}  // namespace transept
