#include "text/precompiled.h"

#include <array>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/utf8.h"
#include "text/charsmap.h"

namespace transept {
namespace {

constexpr size_t kLongGrapheme = 6;  // bytes; from here on the reference looks at single characters

std::string decode_base64(std::string_view text, const std::string& where) {
  static const auto kValues = [] {
    std::array<int8_t, 256> table;
    table.fill(-1);
    int8_t value = 0;
    for (const char c :
         std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")) {
      table[static_cast<unsigned char>(c)] = value++;
    }
    return table;
  }();
  check(text.size() % 4 == 0, ErrorCode::bad_data, "{}: not base64", where);
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 3);
  uint32_t bits = 0;
  int n_bits = 0;
  for (const char c : text) {
    const int8_t value = kValues[static_cast<unsigned char>(c)];
    check(value >= 0, ErrorCode::bad_data, "{}: not base64", where);
    bits = bits << 6 | static_cast<uint32_t>(value);
    n_bits += 6;
    if (n_bits < 8) continue;
    n_bits -= 8;
    bytes += static_cast<char>(bits >> n_bits & 0xFF);
  }
  return bytes;
}

class Precompiled : public Normalizer {
 public:
  Precompiled(std::string_view blob, const std::string& where) : map_(blob, where) {
    for (size_t c = 0; c < ascii_stays_.size(); ++c) {
      const char letter = static_cast<char>(c);
      ascii_stays_[c] = !map_.shortest_prefix(std::string_view(&letter, 1)).has_value();
    }
  }

  void normalize(AlignedText& text) const override {
    const std::string& all = text.text();
    size_t at = 0;
    size_t previous = 0;  // the character before, for a replacement by nothing takes it along
    while (at < all.size() && stays(all, at)) {
      previous = at;
      at += step(all, at);
    }
    if (at >= all.size()) return;
    std::vector<Change> changes;
    for (size_t i = previous; i < at;) {
      const CodePoint c = decode_utf8(all, i);
      changes.push_back({c.value, 0});
      i += static_cast<size_t>(c.size);
    }
    bool modified = false;
    while (at < all.size()) {
      const size_t end = plain_ascii(all, at) ? at + 1 : next_grapheme(all, at);
      modified |= add(std::string_view(all).substr(at, end - at), changes);
      at = end;
    }
    if (!modified) return;
    TextEdit edit(text);
    edit.keep(previous);
    edit.apply(changes);
    edit.finish();
  }

 private:
  // A grapheme of one ASCII character that the map leaves alone?
  [[nodiscard]] bool plain_ascii(const std::string& all, size_t at) const {
    const auto c = static_cast<unsigned char>(all[at]);
    return c < 0x80 && ascii_stays_[c] && c != '\r' &&
           (at + 1 == all.size() || static_cast<unsigned char>(all[at + 1]) < 0x80);
  }
  [[nodiscard]] bool stays(const std::string& all, size_t at) const { return plain_ascii(all, at); }
  static size_t step(const std::string&, size_t) { return 1; }

  // Appends the grapheme or what it becomes; true if that differs.
  bool add(std::string_view grapheme, std::vector<Change>& changes) const {
    if (grapheme.size() < kLongGrapheme) {
      if (const auto hit = map_.shortest_prefix(grapheme)) {
        replace(grapheme, hit->replacement, changes);
        return true;
      }
    }
    bool modified = false;
    for (size_t at = 0; at < grapheme.size();) {
      const CodePoint c = decode_utf8(grapheme, at);
      const std::string_view part = grapheme.substr(at, static_cast<size_t>(c.size));
      if (const auto hit = map_.shortest_prefix(part)) {
        replace(part, hit->replacement, changes);
        modified = true;
      } else {
        changes.push_back({c.value, 0});
      }
      at += part.size();
    }
    return modified;
  }

  static void replace(std::string_view before, std::string_view after,
                      std::vector<Change>& changes) {
    const auto old_count = static_cast<int>(count_code_points(before));
    int count = 0;
    for (size_t at = 0; at < after.size(); ++count) {
      const CodePoint c = decode_utf8(after, at);
      changes.push_back({c.value, count < old_count ? 0 : 1});
      at += static_cast<size_t>(c.size);
    }
    // At the very start a replacement by nothing is lost: the reference's alignment then lags.
    if (count < old_count && !changes.empty()) changes.back().change += count - old_count;
  }

  CharsMap map_;
  std::array<bool, 128> ascii_stays_{};
};

}  // namespace

std::unique_ptr<Normalizer> make_precompiled(const Json& json) {
  const Json blob = json.at("precompiled_charsmap");
  const std::string where = blob.where();
  return std::make_unique<Precompiled>(decode_base64(blob.as_string(), where), where);
}

}  // namespace transept
