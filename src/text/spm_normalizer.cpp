#include "text/spm_normalizer.h"

#include <algorithm>

namespace transept {
namespace {

DoubleArray make_trie(const std::vector<std::string_view>& texts) {
  std::vector<DoubleArray::Key> keys;
  keys.reserve(texts.size());
  for (const std::string_view text : texts) keys.push_back({text, 0});
  return DoubleArray(std::move(keys));
}

size_t character_size(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  return std::min(size, text.size());
}

}  // namespace

SpmNormalizer::SpmNormalizer(const SpmProto::Normalizer& settings, bool whitespace_is_suffix,
                             const std::vector<std::string_view>& user_defined,
                             const std::string& where)
    : adds_prefix_(settings.add_dummy_prefix),
      removes_spaces_(settings.remove_extra_whitespaces),
      escapes_spaces_(settings.escape_whitespaces),
      whitespace_is_suffix_(whitespace_is_suffix),
      has_user_defined_(!user_defined.empty()),
      user_defined_(make_trie(user_defined)) {
  if (!settings.charsmap.empty()) charsmap_.emplace(settings.charsmap, where);
}

SpmNormalizer::Step SpmNormalizer::step(std::string_view rest) const {
  if (has_user_defined_) {
    const size_t size = user_defined_.longest_prefix(rest);
    if (size > 0) return {size, rest.substr(0, size)};
  }
  if (charsmap_) {
    if (const auto hit = charsmap_->longest_prefix(rest)) return {hit->consumed, hit->replacement};
  }
  const size_t size = character_size(rest);
  return {size, rest.substr(0, size)};
}

std::string_view SpmNormalizer::space() const {
  return escapes_spaces_ ? kSpaceSymbol : " ";
}

void SpmNormalizer::append(std::string_view text, uint32_t from, Result& out) const {
  if (!escapes_spaces_ || text.find(' ') == std::string_view::npos) {
    out.text += text;
  } else {
    for (const char c : text) {
      if (c == ' ') {
        out.text += kSpaceSymbol;
      } else {
        out.text += c;
      }
    }
  }
  out.origin.resize(out.text.size(), from);
}

void SpmNormalizer::run(std::string_view input, Result& out) const {
  out.text.clear();
  out.origin.clear();
  size_t at = 0;
  if (removes_spaces_) {
    while (at < input.size()) {
      const Step first = step(input.substr(at));
      if (first.text != " ") break;
      at += first.consumed;
    }
  }
  if (at == input.size()) {
    out.origin.push_back(0);
    return;
  }
  out.text.reserve(input.size() + input.size() / 2 + 16);
  out.origin.reserve(input.size() + input.size() / 2 + 16);
  if (adds_prefix_ && !whitespace_is_suffix_) append(" ", static_cast<uint32_t>(at), out);
  bool after_space = removes_spaces_;
  while (at < input.size()) {
    Step next = step(input.substr(at));
    while (after_space && next.text.starts_with(' ')) next.text.remove_prefix(1);
    if (!next.text.empty()) {
      append(next.text, static_cast<uint32_t>(at), out);
      after_space = removes_spaces_ && next.text.ends_with(' ');
    }
    at += next.consumed;
  }
  auto end = static_cast<uint32_t>(at);
  if (removes_spaces_) {
    while (out.text.ends_with(space())) {
      out.text.resize(out.text.size() - space().size());
      end = out.origin[out.text.size()];
      out.origin.resize(out.text.size());
    }
  }
  if (adds_prefix_ && whitespace_is_suffix_) append(" ", end, out);
  out.origin.push_back(end);
}

}  // namespace transept
