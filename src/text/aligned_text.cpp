#include "text/aligned_text.h"

#include <utility>

#include "base/error.h"
#include "base/utf8.h"

namespace transept {
namespace {

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

}  // namespace

Span AlignedText::span_at(size_t byte) const {
  if (!is_original()) return spans_[byte];
  size_t begin = byte;
  while (begin > 0 && is_continuation(text_[begin])) --begin;
  size_t end = byte + 1;
  while (end < text_.size() && is_continuation(text_[end])) ++end;
  return {static_cast<uint32_t>(base_ + begin), static_cast<uint32_t>(base_ + end)};
}

Span AlignedText::origin(size_t begin, size_t end) const {
  return {span_at(begin).begin, span_at(end - 1).end};
}

void AlignedText::store_spans() {
  if (!spans_.empty() || text_.empty()) return;
  spans_.resize(text_.size());
  for (size_t at = 0; at < text_.size();) {
    size_t end = at + 1;
    while (end < text_.size() && is_continuation(text_[end])) ++end;
    const Span span{static_cast<uint32_t>(base_ + at), static_cast<uint32_t>(base_ + end)};
    for (; at < end; ++at) spans_[at] = span;
  }
}

void AlignedText::append(AlignedText&& other) {
  if (other.text_.empty()) return;
  if (text_.empty()) {
    *this = std::move(other);
    return;
  }
  if (is_original() && other.is_original() && base_ + text_.size() == other.base_) {
    text_ += other.text_;
    return;
  }
  store_spans();
  const size_t from = spans_.size();
  text_ += other.text_;
  if (!other.is_original()) {
    spans_.insert(spans_.end(), other.spans_.begin(), other.spans_.end());
    return;
  }
  spans_.resize(text_.size());
  for (size_t i = 0; i < other.text_.size(); ++i) spans_[from + i] = other.span_at(i);
}

TextEdit::TextEdit(AlignedText& text) : target_(text), old_(std::move(text)) {
  old_.store_spans();
  new_.base_ = old_.base_;
  new_.text_.reserve(old_.text_.size() + 16);
  new_.spans_.reserve(old_.text_.size() + 16);
}

size_t TextEdit::size_at(size_t at) const {
  size_t end = at + 1;
  while (end < old_.text_.size() && is_continuation(old_.text_[end])) ++end;
  return end - at;
}

char32_t TextEdit::next() const {
  return decode_utf8(old_.text_, at_).value;
}

void TextEdit::write(char32_t c, Span span) {
  append_utf8(new_.text_, c);
  new_.spans_.resize(new_.text_.size(), span);
}

void TextEdit::keep(size_t bytes) {
  new_.text_.append(old_.text_, at_, bytes);
  const auto from = old_.spans_.begin() + static_cast<std::ptrdiff_t>(at_);
  new_.spans_.insert(new_.spans_.end(), from, from + static_cast<std::ptrdiff_t>(bytes));
  at_ += bytes;
}

void TextEdit::replace(char32_t c) {
  dcheck(!at_end());
  write(c, old_.spans_[at_]);
  at_ += size_at(at_);
}

void TextEdit::insert(char32_t c) {
  write(c, at_ == 0 ? Span{old_.base_, old_.base_} : old_.spans_[at_ - 1]);
}

void TextEdit::insert(std::string_view text) {
  new_.text_ += text;
  new_.spans_.resize(new_.text_.size(),
                     at_ == 0 ? Span{old_.base_, old_.base_} : old_.spans_[at_ - 1]);
}

void TextEdit::insert_like_next(std::string_view text) {
  dcheck(!at_end());
  new_.text_ += text;
  new_.spans_.resize(new_.text_.size(), old_.spans_[at_]);
}

void TextEdit::apply(const std::vector<Change>& changes, size_t dropped) {
  for (; dropped > 0 && !at_end(); --dropped) at_ += size_at(at_);
  for (const Change& change : changes) {
    if (change.change > 0 || at_end()) {
      insert(change.value);
      continue;
    }
    replace(change.value);
    for (int i = change.change; i < 0 && !at_end(); ++i) at_ += size_at(at_);
  }
  at_ = old_.text_.size();
}

void TextEdit::finish() {
  if (!at_end()) keep(old_.text_.size() - at_);
  target_ = std::move(new_);
}

}  // namespace transept
