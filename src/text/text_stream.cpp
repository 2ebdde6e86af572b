#include "text/text_stream.h"

#include <utility>

namespace transept {
namespace {

// Bytes that two texts have in common at the start: whole characters, no space at the end.
std::size_t agreement(const std::string& a, const std::string& b) {
  std::size_t n = 0;
  while (n < a.size() && n < b.size() && a[n] == b[n]) ++n;
  while (n > 0 && n < a.size() && (static_cast<unsigned char>(a[n]) & 0xC0u) == 0x80u) --n;
  while (n > 0 && a[n - 1] == ' ') --n;
  return n;
}

}  // namespace

std::string_view TextStream::add(Token token) {
  ids_.push_back(token);
  if (tokenizer_ == nullptr) return {};
  std::string text = tokenizer_->decode(ids_);
  const std::size_t agreed = agreement(text, text_);
  text_ = std::move(text);
  return emit(agreed);
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
