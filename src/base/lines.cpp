#include "base/lines.h"

#include <algorithm>

#include "base/utf8.h"

namespace transept {
namespace {

// PropList.txt of Unicode 15; the property has been stable since 6.3.
bool is_white(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

}  // namespace

std::string_view without_mark(std::string_view file) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  if (file.starts_with(kMark)) file.remove_prefix(kMark.size());
  return file;
}

std::string_view without_return(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string plain_text(std::string_view file) {
  file = without_mark(file);
  std::string text;
  text.reserve(file.size());
  for (size_t i = 0; i < file.size(); ++i) {
    const bool is_line_end = file[i] == '\r' && i + 1 < file.size() && file[i + 1] == '\n';
    if (!is_line_end) text += file[i];
  }
  return text;
}

void each_line(std::string_view file, bool keep_returns,
               const std::function<void(std::string_view line, size_t number)>& f) {
  file = without_mark(file);
  size_t number = 0;
  for (size_t at = 0; at < file.size();) {
    const size_t end = std::min(file.find('\n', at), file.size());
    const std::string_view line = file.substr(at, end - at);
    f(keep_returns || end == file.size() ? line : without_return(line), ++number);
    at = end + 1;
  }
}

bool is_blank(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    if (!c.valid || !is_white(c.value)) return false;
    at += static_cast<size_t>(c.size);
  }
  return true;
}

}  // namespace transept
