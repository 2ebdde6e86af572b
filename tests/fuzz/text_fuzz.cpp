// Any bytes as a text file and as a prompt: its lines hold every byte but line ends and the mark, a
// text in parts holds every character but white space, a prompt is known or refused.
#include "base/error.h"
#include "base/lines.h"
#include "base/utf8.h"
#include "folder/languages.h"
#include "folder/long_text.h"
#include "folder/prompts.h"

namespace {

using namespace transept;

std::string without_white(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const auto size = static_cast<size_t>(decode_utf8(text, at).size);
    if (!is_blank(text.substr(at, size))) out += text.substr(at, size);
    at += size;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string kept;
  each_line(text, true, [&](std::string_view line, size_t) { kept.append(line).append("\n"); });
  const std::string_view whole = without_mark(text);
  if (kept != std::string(whole) + (whole.empty() || whole.ends_with('\n') ? "" : "\n"))
    __builtin_trap();
  if (find_invalid_utf8(text) == std::string_view::npos) {
    std::string joined;
    for (const std::string& part :
         split_text(text, [](std::string_view p) { return p.size() <= 7; })) {
      if (part.empty()) __builtin_trap();
      joined += part;
    }
    if (without_white(joined) != without_white(text)) __builtin_trap();
  }
  static const Prompts kPrompts({{"a", "", "Translate to German", {"Auf Deutsch"}}});
  static const LanguageTable kPairs(nullptr, {{"en", "de", "", "Translate to German"}});
  try {
    (void)kPrompts.spelled(text);
    (void)kPairs.direction({"", std::string(text)});
  } catch (const Error& e) {
    if (e.code() != ErrorCode::usage) __builtin_trap();
  }
  return 0;
}
