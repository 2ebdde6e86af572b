#include "text/pipeline.h"

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"

namespace transept {

// Byte offsets of the original text -> code points.
class Pipeline::Offsets {
 public:
  explicit Offsets(std::string_view text) : size_(text.size()) {
    if (is_ascii(text)) return;
    index_.resize(text.size());
    uint32_t count = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80 && i > 0) ++count;
      index_[i] = count;
    }
  }
  // As the reference does it: a place at or behind the end of the text is left as it is.
  [[nodiscard]] Offset operator()(size_t begin, size_t end) const {
    const Offset bytes{static_cast<int64_t>(begin), static_cast<int64_t>(end)};
    if (index_.empty() || begin >= size_) return bytes;
    const int64_t first = index_[begin];
    if (end < size_) return {first, index_[end]};
    return {first, end - 1 < size_ ? int64_t{index_[end - 1]} + 1 : first + 2};
  }

 private:
  size_t size_;
  std::vector<uint32_t> index_;  // empty: ASCII
};

void Pipeline::add_pieces(const SplitText& text, const Split& split, const Offsets& offsets,
                          std::vector<PlacedToken>& out) const {
  const bool spaces = parts_.post_processor.needs_spaces();
  if (split.added >= 0) {
    const Span span = text.text.origin(split.begin, split.end);
    out.push_back({.id = split.added, .offset = offsets(span.begin, span.end)});
    if (spaces) count_spaces(text.view(split), out.back());
    return;
  }
  thread_local std::vector<Piece> pieces;
  pieces.clear();
  parts_.model->tokenize(text.view(split), pieces);
  const size_t size = split.end - split.begin;
  for (const Piece& piece : pieces) {
    PlacedToken token{.id = piece.id, .offset = {}};
    if (piece.begin < piece.end && piece.end <= size) {
      const Span span = text.text.origin(split.begin + piece.begin, split.begin + piece.end);
      token.offset = offsets(span.begin, span.end);
    } else if (piece.begin == piece.end) {
      const size_t base = text.text.origin(split.begin, split.end).begin;
      token.offset = offsets(base + piece.begin, base + piece.end);
    } else {
      token.offset = offsets(piece.begin, piece.end);
    }
    if (spaces) count_spaces(parts_.model->piece(piece.id), token);
    out.push_back(token);
  }
}

// The marks around a text, those of its language among them.
void Pipeline::add_marks(std::vector<PlacedToken>& tokens, const EncodeOptions& options) const {
  const bool in_input = parts_.language_marks == LanguageMarks::in_input;
  const bool is_target = options.target_side || in_input;
  std::string_view code = is_target ? options.target_language : options.source_language;
  if (code.empty()) code = is_target ? parts_.target_language : parts_.source_language;
  if (code.empty() || !options.special_tokens || (in_input && options.target_side))
    return parts_.post_processor.process(tokens, options.special_tokens);
  const Token language = language_token(*this, code);
  if (!in_input) return parts_.around(language).process(tokens, true);
  parts_.post_processor.process(tokens, true);
  tokens.insert(tokens.begin(), PlacedToken{.id = language, .offset = {}});
}

Encoding Pipeline::encode(std::string_view text, const EncodeOptions& options) const {
  check(text.size() < INT32_MAX, ErrorCode::limit, "a text of {} bytes, expected less than 2 GiB",
        text.size());
  if (!is_ascii(text)) {
    const size_t bad = find_invalid_utf8(text);
    check(bad == std::string_view::npos, ErrorCode::bad_data,
          "the text is not valid UTF-8: byte 0x{:02X} at offset {}",
          bad < text.size() ? static_cast<unsigned char>(text[bad]) : 0, bad);
  }
  SplitText split_text = parts_.added.extract(text, parts_.normalizer.get());
  if (parts_.pre_tokenizer != nullptr) parts_.pre_tokenizer->split(split_text);
  const Offsets offsets(text);
  std::vector<PlacedToken> tokens;
  tokens.reserve(split_text.splits.size() * 2 + 2);
  for (const Split& split : split_text.splits) add_pieces(split_text, split, offsets, tokens);
  add_marks(tokens, options);
  Encoding encoding;
  encoding.ids.reserve(tokens.size());
  encoding.offsets.reserve(tokens.size());
  for (const PlacedToken& token : tokens) {
    encoding.ids.push_back(token.id);
    encoding.offsets.push_back(token.offset);
  }
  return encoding;
}

std::string Pipeline::decode(std::span<const Token> ids, bool skip_special) const {
  std::vector<std::string> pieces;
  pieces.reserve(ids.size());
  for (const Token id : ids) {
    check(id >= 0 && id < size(), ErrorCode::bad_data, "token id {}, expected 0 to {}", id,
          size() - 1);
    const std::string* added = parts_.added.spelling(id);
    std::string piece = added != nullptr ? *added : std::string(parts_.model->piece(id));
    if (skip_special && parts_.added.is_special(piece)) continue;
    pieces.push_back(std::move(piece));
  }
  std::string text;
  if (parts_.decoder != nullptr) {
    parts_.decoder->decode(pieces);
    for (const std::string& piece : pieces) text += piece;
  } else {
    for (size_t i = 0; i < pieces.size(); ++i) text.append(i == 0 ? "" : " ").append(pieces[i]);
  }
  return parts_.clean_up_spaces ? clean_up_spaces(std::move(text)) : text;
}

std::string Pipeline::piece(Token id) const {
  check(id >= 0 && id < size(), ErrorCode::bad_data, "token id {}, expected 0 to {}", id,
        size() - 1);
  const AddedToken* added = parts_.added.at(id);
  return added != nullptr ? added->content : std::string(parts_.model->piece(id));
}

std::optional<Token> Pipeline::find(std::string_view piece) const {
  const std::optional<Token> added = parts_.added.find(piece);
  return added ? added : parts_.model->find(piece);
}

int Pipeline::size() const {
  return std::max(parts_.model->size(), parts_.added.last_id() + 1);
}

bool Pipeline::is_special(Token id) const {
  const AddedToken* added = parts_.added.at(id);
  return added != nullptr && added->special;
}

}  // namespace transept
