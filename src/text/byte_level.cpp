#include "text/byte_level.h"

#include <array>

#include "base/utf8.h"
#include "text/unicode.h"

namespace transept {
namespace {

struct Alphabet {
  std::array<char32_t, 256> to_char{};
  std::array<int16_t, 512> to_byte{};

  Alphabet() {
    to_byte.fill(-1);
    char32_t extra = 256;  // for the bytes that have no printable Latin-1 character
    for (unsigned byte = 0; byte < 256; ++byte) {
      const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
      to_char[byte] = printable ? byte : extra++;
      to_byte[to_char[byte]] = static_cast<int16_t>(byte);
    }
  }
};

const Alphabet& alphabet() {
  static const Alphabet kInstance;
  return kInstance;
}

enum class Class { letter, number, space, other };

struct Classes {
  std::array<Class, 128> ascii{};
  Classes() {
    for (char32_t c = 0; c < 128; ++c) ascii[c] = of(properties(c));
  }
  static Class of(uint32_t mask) {
    if ((mask & kOnigLetter) != 0) return Class::letter;
    if ((mask & kOnigNumber) != 0) return Class::number;
    return (mask & kOnigSpace) != 0 ? Class::space : Class::other;
  }
};

struct Classified {
  Class kind;
  size_t size;
};

Classified classify(std::string_view text, size_t at) {
  static const Classes kClasses;
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return {kClasses.ascii[lead], 1};
  const CodePoint c = decode_utf8(text, at);
  return {Classes::of(properties(c.value)), static_cast<size_t>(c.size)};
}

size_t end_of_run(std::string_view text, size_t at, Class kind) {
  while (at < text.size()) {
    const Classified c = classify(text, at);
    if (c.kind != kind) break;
    at += c.size;
  }
  return at;
}

size_t contraction(std::string_view text, size_t at) {
  const std::string_view rest = text.substr(at + 1, 2);
  if (rest.empty()) return 0;
  if (rest[0] == 's' || rest[0] == 't' || rest[0] == 'm' || rest[0] == 'd') return 2;
  return rest == "re" || rest == "ve" || rest == "ll" ? 3 : 0;
}

}  // namespace

char32_t byte_to_char(unsigned char byte) {
  return alphabet().to_char[byte];
}

std::optional<unsigned char> char_to_byte(char32_t c) {
  if (c >= 512 || alphabet().to_byte[c] < 0) return std::nullopt;
  return static_cast<unsigned char>(alphabet().to_byte[c]);
}

std::optional<std::string> spelled_bytes(std::string_view piece) {
  std::string bytes;
  for (size_t at = 0; at < piece.size();) {
    const CodePoint c = decode_utf8(piece, at);
    const std::optional<unsigned char> byte = char_to_byte(c.value);
    if (!byte) return std::nullopt;
    bytes += static_cast<char>(*byte);
    at += static_cast<size_t>(c.size);
  }
  return bytes;
}

size_t next_gpt2_word(std::string_view text, size_t at) {
  if (text[at] == '\'') {
    if (const size_t size = contraction(text, at); size != 0) return at + size;
  }
  const Classified first = classify(text, at);
  if (first.kind != Class::space) return end_of_run(text, at + first.size, first.kind);
  if (text[at] == ' ' && at + 1 < text.size()) {
    const Classified next = classify(text, at + 1);
    if (next.kind != Class::space) return end_of_run(text, at + 1 + next.size, next.kind);
  }
  // White space: all of it at the end of the text; else all but the last character, which goes
  // with the word that follows or stands alone.
  size_t end = at;
  size_t last = at;
  while (end < text.size()) {
    const Classified c = classify(text, end);
    if (c.kind != Class::space) break;
    last = end;
    end += c.size;
  }
  return end == text.size() || last == at ? end : last;
}

}  // namespace transept
