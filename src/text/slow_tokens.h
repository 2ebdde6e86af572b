// The special tokens of transformers' Python tokenizers (5.24, PythonBackend): texts that are cut
// out of the input before it is tokenized, and left out of decoded text.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "text/added_tokens.h"
#include "text/tokenizer.h"

namespace transept {

// Python's str.isspace for one character, which str.strip and the like use.
[[nodiscard]] bool is_python_space(char32_t c);
// The bytes that str.lstrip / str.rstrip would take away.
[[nodiscard]] size_t leading_space(std::string_view text);
[[nodiscard]] size_t trailing_space(std::string_view text);
// str.replace
[[nodiscard]] std::string replace_all(std::string_view text, std::string_view from,
                                      std::string_view to);

class SlowTokens {
 public:
  using Find = std::function<std::optional<Token>(std::string_view)>;
  // `given`: added_tokens_decoder. `special`: named tokens in the order of their attributes, then
  // the extra ones. One that is in neither `given` nor the vocabulary (`find`) gets the next id
  // from `vocabulary_count` on.
  SlowTokens(const std::map<Token, AddedToken>& given, const std::vector<std::string>& special,
             const Find& find, int vocabulary_count);

  // A part of the input: a special token, or text to be tokenized.
  struct Part {
    size_t begin = 0;
    size_t end = 0;
    std::optional<Token> token;
  };
  // The parts in order, none of them empty.
  [[nodiscard]] std::vector<Part> split(std::string_view text) const;

  [[nodiscard]] const AddedToken* at(Token id) const;
  [[nodiscard]] std::optional<Token> find(std::string_view content) const;
  // Left out of decoded text.
  [[nodiscard]] bool is_special(Token id) const;
  [[nodiscard]] bool is_special(std::string_view content) const;
  [[nodiscard]] Token last_id() const { return added_.empty() ? -1 : added_.rbegin()->first; }

 private:
  struct Node {
    std::map<char32_t, size_t> next;
    bool is_end = false;
  };
  class Splitter;
  void add_to_trie(std::string_view content);

  std::map<Token, AddedToken> added_;
  std::unordered_map<std::string, Token> ids_;
  std::unordered_set<std::string> special_;
  std::unordered_set<Token> special_ids_;
  std::vector<Node> trie_{1};
};

}  // namespace transept
