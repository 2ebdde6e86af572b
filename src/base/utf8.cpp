#include "base/utf8.h"

namespace transept {
namespace {
constexpr char32_t kReplacement = 0xFFFD;
unsigned char byte_at(std::string_view text, size_t at) {
  return static_cast<unsigned char>(text[at]);
}
}  // namespace

CodePoint decode_utf8(std::string_view text, size_t at) {
  const unsigned char lead = byte_at(text, at);
  if (lead < 0x80) return {lead, 1, true};
  int extra = 0;
  unsigned char least = 0x80;
  unsigned char most = 0xBF;
  char32_t value = 0;
  if (lead >= 0xC2 && lead <= 0xDF) {
    extra = 1;
    value = lead & 0x1Fu;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    extra = 2;
    value = lead & 0x0Fu;
    if (lead == 0xE0) least = 0xA0;  // no overlong forms
    if (lead == 0xED) most = 0x9F;   // no surrogates
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    extra = 3;
    value = lead & 0x07u;
    if (lead == 0xF0) least = 0x90;
    if (lead == 0xF4) most = 0x8F;  // nothing above U+10FFFF
  } else {
    return {kReplacement, 1, false};
  }
  for (int i = 1; i <= extra; ++i) {
    const size_t place = at + static_cast<size_t>(i);
    if (place >= text.size() || byte_at(text, place) < least || byte_at(text, place) > most) {
      return {kReplacement, i, false};
    }
    value = (value << 6) | (byte_at(text, place) & 0x3Fu);
    least = 0x80;
    most = 0xBF;
  }
  return {value, extra + 1, true};
}

void append_utf8(std::string& text, char32_t code_point) {
  const auto put = [&](char32_t byte) { text += static_cast<char>(byte); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6));
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | (code_point >> 18));
    put(0x80 | ((code_point >> 12) & 0x3F));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

size_t find_invalid_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    if (!c.valid) return at;
    at += static_cast<size_t>(c.size);
  }
  return std::string_view::npos;
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    if (c.valid) {
      out.append(text, at, static_cast<size_t>(c.size));
    } else {
      append_utf8(out, kReplacement);
    }
    at += static_cast<size_t>(c.size);
  }
  return out;
}

size_t count_code_points(std::string_view text) {
  size_t n = 0;
  for (size_t at = 0; at < text.size(); ++n) at += static_cast<size_t>(decode_utf8(text, at).size);
  return n;
}

}  // namespace transept
