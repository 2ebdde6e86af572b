// The post-processors of a tokenizer.json: they put special tokens around the ids and trim offsets.
// Only the template for one text is used, never the one for pairs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "text/tokenizer.h"

namespace transept {

// A token with what trimming has to know.
struct PlacedToken {
  Token id = 0;
  Offset offset;
  uint32_t leading_spaces = 0;  // of its spelling, in characters: Ġ or white space
  uint32_t trailing_spaces = 0;
};

// Counts the spaces (Ġ or white) at the ends of a spelling.
void count_spaces(std::string_view spelling, PlacedToken& token);

class PostProcessor {
 public:
  PostProcessor() = default;  // changes nothing
  explicit PostProcessor(const Json& json);

  // Puts `before` and `after` around a text.
  static PostProcessor around(std::vector<Token> before, std::vector<Token> after);

  // Offsets leave out spaces at the ends of tokens. `prefix_space_added`: but not the one that was
  // put before the text.
  void trim_offsets(bool prefix_space_added);

  [[nodiscard]] bool needs_spaces() const { return trims_; }
  void process(std::vector<PlacedToken>& tokens, bool special_tokens) const;

  // The special tokens around the text, in order.
  [[nodiscard]] std::vector<Token> special_tokens() const;
  void replace_special(Token before, Token after);

 private:
  struct Part {
    bool is_text = false;
    std::vector<Token> ids;
  };
  void read(const Json& json, int depth);
  void read_template(const Json& json);
  void set_template(std::vector<Part> parts, const Json& json);
  void trim(std::vector<PlacedToken>& tokens) const;

  bool has_template_ = false;
  std::vector<Part> parts_;
  bool trims_ = false;
  bool keeps_first_space_ = false;
};

}  // namespace transept
