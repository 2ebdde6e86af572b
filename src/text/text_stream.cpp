#include "text/text_stream.h"

#include <utility>

namespace transept {
namespace {

// What stands for the first bytes of a character, until its last one comes.
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// Bytes that two texts have in common at the start: whole characters, and at the end no space and
// nothing that may become a character yet.
std::size_t agreement(const std::string& a, const std::string& b) {
  std::size_t n = 0;
  while (n < a.size() && n < b.size() && a[n] == b[n]) ++n;
  while (n > 0 && n < a.size() && (static_cast<unsigned char>(a[n]) & 0xC0u) == 0x80u) --n;
  for (;;) {
    const std::string_view sure = std::string_view(a).substr(0, n);
    if (sure.ends_with(' '))
      --n;
    else if (sure.ends_with(kReplacement))
      n -= kReplacement.size();
    else
      break;
  }
  return n;
}

}  // namespace

std::string_view TextStream::add(Token token) {
  ids_.push_back(token);
  if (tokenizer_ == nullptr) return {};
  const auto window = std::span(ids_).subspan(begin_);
  std::string text = settled_ + tokenizer_->decode(window);
  if (window.size() >= 2 * kContext) settle(text);
  const std::size_t agreed = agreement(text, text_);
  text_ = std::move(text);
  return emit(agreed);
}

// Tokens in the middle of a text are decoded alike whatever came long before. Where the last few on
// their own are not the end of the text (they begin within a character, or lose a space), the next
// token may be a better place.
void TextStream::settle(const std::string& text) {
  const std::size_t begin = ids_.size() - kContext;
  const std::string end = tokenizer_->decode(std::span(ids_).subspan(begin));
  if (!text.ends_with(end)) return;
  settled_ = text.substr(0, text.size() - end.size());
  begin_ = begin;
}

std::string_view TextStream::finish() {
  return emit(text_.size());
}

std::string_view TextStream::emit(std::size_t end) {
  if (end <= sent_) return {};
  const std::size_t begin = std::exchange(sent_, end);
  return std::string_view(text_).substr(begin, end - begin);
}

}  // namespace transept
