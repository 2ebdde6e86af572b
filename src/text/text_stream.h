// TextStream: tokens one after the other -> text as it becomes certain.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace transept {

// A tokenizer may change the end of its text when the next token comes (half a character, "do n" ->
// "don't"), so what is handed out is what two decodings in a row agree on. All pieces together are
// the text of all tokens.
class TextStream {
 public:
  // `tokenizer` may be null, all pieces are then empty; otherwise it must outlive the stream.
  explicit TextStream(const Tokenizer* tokenizer) : tokenizer_(tokenizer) {}

  // What is certain now and was not before; perhaps nothing. Valid until the next call.
  std::string_view add(Token token);
  std::string_view finish();  // the rest
  [[nodiscard]] const std::vector<Token>& ids() const { return ids_; }

 private:
  static constexpr std::size_t kContext = 32;  // tokens that are decoded again with each new one

  void settle(const std::string& text);
  std::string_view emit(std::size_t end);

  const Tokenizer* tokenizer_;
  std::vector<Token> ids_;
  std::size_t begin_ = 0;  // the tokens before are settled: their text does not change any more
  std::string settled_;
  std::string text_;      // of all tokens so far
  std::size_t sent_ = 0;  // bytes handed out
};

}  // namespace transept
