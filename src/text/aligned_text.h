// A text on its way through the pipeline, every byte knowing which bytes of the original it stands
// for (the convention of Hugging Face's tokenizers 0.23: NormalizedString).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/unicode.h"

namespace transept {

// Bytes [begin, end) of the original.
struct Span {
  uint32_t begin = 0;
  uint32_t end = 0;
};

class AlignedText {
 public:
  AlignedText() = default;
  // The original itself, or its part that starts at byte `base`: as long as nothing moves, no
  // alignment is stored.
  explicit AlignedText(std::string_view original, size_t base = 0)
      : text_(original), base_(static_cast<uint32_t>(base)) {}

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool is_original() const { return spans_.empty(); }
  [[nodiscard]] size_t base() const { return base_; }

  // Where the bytes [begin, end), not none of them, come from. Whole characters.
  [[nodiscard]] Span origin(size_t begin, size_t end) const;

  // For changes that keep every character's size: write the text directly.
  [[nodiscard]] std::string& mutable_text() { return text_; }

  void append(AlignedText&& other);  // that of a later part of the same original

 private:
  friend class TextEdit;
  void store_spans();
  [[nodiscard]] Span span_at(size_t byte) const;

  std::string text_;
  std::vector<Span> spans_;  // per byte of text_; empty: text_[i] is byte base_ + i of the original
  uint32_t base_ = 0;
};

// Rewrites a text from left to right. Every step takes or skips characters of the old text and
// writes new ones; what is written takes the alignment that the reference would give it.
class TextEdit {
 public:
  explicit TextEdit(AlignedText& text);

  [[nodiscard]] bool at_end() const { return at_ >= old_.text_.size(); }
  [[nodiscard]] size_t at() const { return at_; }
  [[nodiscard]] char32_t next() const;  // the next character

  void keep(size_t bytes);                   // copy the next bytes as they are
  void skip(size_t bytes) { at_ += bytes; }  // drop them
  void move_to(size_t at) { at_ = at; }
  [[nodiscard]] size_t written() const { return new_.text_.size(); }
  void replace(char32_t c);  // write c in place of the next character
  void insert(char32_t c);   // write c, aligned like the byte before
  void insert(std::string_view text);
  void insert_like_next(std::string_view text);  // aligned like the next character
  // Applies changes that stand for the whole text; the first `dropped` characters go before.
  void apply(const std::vector<Change>& changes, size_t dropped = 0);
  void finish();  // keeps the rest and puts the new text in place

 private:
  void write(char32_t c, Span span);
  [[nodiscard]] size_t size_at(size_t at) const;

  AlignedText& target_;
  AlignedText old_;
  AlignedText new_;
  size_t at_ = 0;
};

}  // namespace transept
