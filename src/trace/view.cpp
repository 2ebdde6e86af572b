#include "trace/view.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"

namespace transept {
namespace {

bool between(char32_t c, char32_t first, char32_t last) {
  return c >= first && c <= last;
}

bool steers_terminal(char32_t c) {
  return c < 0x20 || between(c, 0x7F, 0x9F) || between(c, 0x200B, 0x200F) ||
         between(c, 0x2028, 0x202E) || between(c, 0x2060, 0x206F) || c == 0xFEFF;
}

int width_of(char32_t c) {
  if (between(c, 0x300, 0x36F) || between(c, 0x1AB0, 0x1AFF) || between(c, 0x20D0, 0x20FF) ||
      between(c, 0xFE00, 0xFE0F) || between(c, 0xFE20, 0xFE2F))
    return 0;
  const bool wide =
      between(c, 0x1100, 0x115F) || between(c, 0x2E80, 0x303E) || between(c, 0x3041, 0xA4CF) ||
      between(c, 0xAC00, 0xD7A3) || between(c, 0xF900, 0xFAFF) || between(c, 0xFE30, 0xFE6F) ||
      between(c, 0xFF00, 0xFF60) || between(c, 0xFFE0, 0xFFE6) || between(c, 0x1F300, 0x1F64F) ||
      between(c, 0x1F900, 0x1F9FF) || between(c, 0x20000, 0x3FFFD);
  return wide ? 2 : 1;
}

}  // namespace

ExplanationView resolve(const Explanation& e, ExplanationView view) {
  if (e.decoder_layers == 0) return view;
  if (view.layer < 0) view.layer = e.decoder_layers - 1;
  check(view.layer < e.decoder_layers, ErrorCode::usage,
        "layer {}: the decoder has {} layers; give 0 to {}", view.layer, e.decoder_layers,
        e.decoder_layers - 1);
  check(view.head < e.n_heads, ErrorCode::usage, "head {}: the decoder has {} heads; give 0 to {}",
        view.head, e.n_heads, e.n_heads - 1);
  return view;
}

std::vector<float> select(const Explanation& e, const std::vector<Explanation::Map>& maps,
                          const ExplanationView& view) {
  std::vector<float> chosen;
  for (const Explanation::Map& map : maps) {
    if (map.layer != view.layer || (view.head >= 0 && map.head != view.head)) continue;
    chosen.resize(map.weights.size());
    for (size_t i = 0; i < chosen.size(); ++i) chosen[i] += map.weights[i];
  }
  if (view.head < 0)
    for (float& weight : chosen) weight /= static_cast<float>(std::max(e.n_heads, 1));
  return chosen;
}

std::string visible(std::string_view text) {
  std::string shown;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    if (c.value == '\n')
      shown += "\\n";
    else if (c.value == '\t')
      shown += "\\t";
    else if (!c.valid)
      append_utf8(shown, 0xFFFD);
    else if (steers_terminal(c.value))
      shown += fmt::format("\\u{{{:x}}}", static_cast<unsigned>(c.value));
    else
      shown += text.substr(at, static_cast<size_t>(c.size));
    at += static_cast<size_t>(c.size);
  }
  return shown;
}

int display_width(std::string_view text) {
  int width = 0;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    width += width_of(c.value);
    at += static_cast<size_t>(c.size);
  }
  return width;
}

std::string fit(std::string_view text, int columns) {
  const int width = display_width(text);
  if (width <= columns)
    return std::string(text) + std::string(static_cast<size_t>(columns - width), ' ');
  std::string cut;
  int used = 0;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    if (used + width_of(c.value) > columns - 1) break;
    used += width_of(c.value);
    cut += text.substr(at, static_cast<size_t>(c.size));
    at += static_cast<size_t>(c.size);
  }
  return cut + "…" + std::string(static_cast<size_t>(columns - 1 - used), ' ');
}

}  // namespace transept
