#include "folder/long_text.h"

#include <algorithm>

#include "base/error.h"
#include "base/lines.h"
#include "base/utf8.h"

namespace transept {
namespace {

size_t character_size(std::string_view text, size_t at) {
  return static_cast<size_t>(decode_utf8(text, at).size);
}

bool is_space_at(std::string_view text, size_t at) {
  return is_blank(text.substr(at, character_size(text, at)));
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space_at(text, 0)) text.remove_prefix(character_size(text, 0));
  return text;
}

// The end of the last character that begins before `most`; at least one character.
size_t at_character(std::string_view text, size_t most) {
  most = std::min(most, text.size());
  while (most > 0 && most < text.size() &&
         (static_cast<unsigned char>(text[most]) & 0xC0u) == 0x80u)
    --most;
  return most > 0 ? most : character_size(text, 0);
}

// The most bytes that fit: doubled until they do not, then by halves. No probe is longer than twice
// what fits, so a text of any length is cut in time that grows with its length.
size_t most_that_fit(std::string_view text, const std::function<bool(std::string_view)>& fits) {
  size_t good = character_size(text, 0);
  size_t bad = text.size() + 1;
  for (size_t probe = 64; probe <= text.size(); probe *= 2) {
    const size_t size = at_character(text, probe);
    if (!fits(text.substr(0, size))) {
      bad = size;
      break;
    }
    good = std::max(good, size);
  }
  if (bad > text.size() && fits(text)) return text.size();
  bad = std::min(bad, text.size());
  while (good < bad) {
    const size_t middle = at_character(text, good + (bad - good) / 2);
    if (middle <= good || middle >= bad) break;
    (fits(text.substr(0, middle)) ? good : bad) = middle;
  }
  return good;
}

// Where parts may end up to `most`: behind sentences (level 0), words (1), characters (2). The last
// of them, or 0.
size_t last_end(std::string_view text, size_t most, int level) {
  if (level == 2) return at_character(text, most);
  size_t last = 0;
  bool ends_sentence = false;
  for (size_t at = 0; at < most;) {
    const CodePoint c = decode_utf8(text, at);
    const bool is_space = is_blank(text.substr(at, static_cast<size_t>(c.size)));
    if (is_space && (level == 1 || ends_sentence || c.value == '\n')) last = at;
    const bool is_full = c.value == U'。' || c.value == U'！' || c.value == U'？';
    const bool is_mark = c.value == '.' || c.value == '!' || c.value == '?' || c.value == U'…';
    const bool is_closing = c.value == '"' || c.value == '\'' || c.value == ')' || c.value == ']' ||
                            c.value == U'”' || c.value == U'»';
    ends_sentence = is_mark || (ends_sentence && is_closing);
    at += static_cast<size_t>(c.size);
    if (is_full) last = at;
  }
  const bool at_word = most == text.size() || is_space_at(text, most);
  return at_word && (level == 1 || ends_sentence) ? most : std::min(last, most);
}

size_t first_part(std::string_view text, const std::function<bool(std::string_view)>& fits) {
  const size_t most = most_that_fit(text, fits);
  if (most == text.size()) return most;
  for (int level = 0; level < 3; ++level) {
    // Fewer bytes may be more tokens, if only by one: so what ends elsewhere is asked again.
    for (size_t end = last_end(text, most, level); end > 0;) {
      if (fits(text.substr(0, end))) return end;
      const size_t before = last_end(text, end - 1, level);
      if (before >= end) break;
      end = before;
    }
  }
  return character_size(text, 0);
}

}  // namespace

TooLong too_long_named(std::string_view name) {
  if (name == "error") return TooLong::error;
  if (name == "skip") return TooLong::skip;
  if (name == "split") return TooLong::split;
  check(name == "cut", ErrorCode::usage, "too long: {}: expected error, skip, split or cut", name);
  return TooLong::cut;
}

std::vector<std::string> split_text(std::string_view text,
                                    const std::function<bool(std::string_view part)>& fits) {
  std::vector<std::string> parts;
  for (text = trimmed(text); !text.empty(); text = trimmed(text)) {
    const size_t end = first_part(text, fits);
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return parts;
}

}  // namespace transept
