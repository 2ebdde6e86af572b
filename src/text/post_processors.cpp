#include "text/post_processors.h"

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"
#include "text/unicode.h"

namespace transept {
namespace {

constexpr char32_t kSpelledSpace = 0x120;  // Ġ, the space of byte_level.h
constexpr int kDeepest = 8;
constexpr int64_t kLargestId = INT32_MAX - 1;

Token read_id(const Json& json) {
  return static_cast<Token>(json.as_int(0, kLargestId));
}

// ["[SEP]", 102]
Token read_pair(const Json& json) {
  const std::vector<Json> both = json.elements();
  check(both.size() == 2, ErrorCode::bad_data, "{}: expected [\"piece\", id]", json);
  return read_id(both[1]);
}

}  // namespace

void count_spaces(std::string_view spelling, PlacedToken& token) {
  std::vector<bool> spaces;
  const auto is_space = [](char32_t c) { return c == kSpelledSpace || has(c, kWhite); };
  size_t at = 0;
  while (at < spelling.size()) {
    const CodePoint c = decode_utf8(spelling, at);
    if (!is_space(c.value)) break;
    ++token.leading_spaces;
    at += static_cast<size_t>(c.size);
  }
  if (at == spelling.size()) {
    token.trailing_spaces = token.leading_spaces;
    return;
  }
  for (size_t end = spelling.size(); end > 0;) {
    size_t begin = end - 1;
    while (begin > 0 && (static_cast<unsigned char>(spelling[begin]) & 0xC0) == 0x80) --begin;
    if (!is_space(decode_utf8(spelling, begin).value)) break;
    ++token.trailing_spaces;
    end = begin;
  }
}

PostProcessor::PostProcessor(const Json& json) {
  read(json, 0);
}

PostProcessor PostProcessor::around(std::vector<Token> before, std::vector<Token> after) {
  PostProcessor post;
  post.has_template_ = true;
  post.parts_ = {{false, std::move(before)}, {true, {}}, {false, std::move(after)}};
  return post;
}

void PostProcessor::trim_offsets(bool prefix_space_added) {
  trims_ = true;
  keeps_first_space_ = prefix_space_added;
}

void PostProcessor::set_template(std::vector<Part> parts, const Json& json) {
  check(!has_template_, ErrorCode::unsupported,
        "{}: a second post-processor that adds special tokens", json);
  has_template_ = true;
  parts_ = std::move(parts);
}

void PostProcessor::read(const Json& json, int depth) {
  const std::string_view type = json.at("type").as_string();
  if (type == "Sequence") {
    check(depth < kDeepest, ErrorCode::unsupported, "{}: sequences nested {} deep", json, depth);
    json.at("processors").each_element([&](size_t, const Json& one) { read(one, depth + 1); });
  } else if (type == "TemplateProcessing") {
    read_template(json);
  } else if (type == "ByteLevel" || type == "RobertaProcessing") {
    if (json.at("trim_offsets").as_bool()) {
      check(!trims_, ErrorCode::unsupported, "{}: offsets would be trimmed twice", json);
      trim_offsets(json.at("add_prefix_space").as_bool());
    }
    if (type == "RobertaProcessing") {
      set_template(
          {{false, {read_pair(json.at("cls"))}}, {true, {}}, {false, {read_pair(json.at("sep"))}}},
          json);
    }
  } else if (type == "BertProcessing") {
    set_template(
        {{false, {read_pair(json.at("cls"))}}, {true, {}}, {false, {read_pair(json.at("sep"))}}},
        json);
  } else {
    fail(ErrorCode::unsupported, "{}: post-processor \"{}\"", json, type);
  }
}

void PostProcessor::read_template(const Json& json) {
  const Json specials = json.at("special_tokens");
  std::vector<Part> parts;
  json.at("single").each_element([&](size_t, const Json& piece) {
    Part part;
    if (const std::optional<Json> special = piece.find("SpecialToken")) {
      const Json known = specials.at(special->at("id").as_string());
      known.at("ids").each_element(
          [&](size_t, const Json& id) { part.ids.push_back(read_id(id)); });
    } else {
      const Json id = piece.at("Sequence").at("id");
      check(id.as_string() == "A", ErrorCode::bad_data,
            "{}: \"{}\", expected \"A\": the only sequence of a template for one text", id,
            id.as_string());
      part.is_text = true;
    }
    parts.push_back(std::move(part));
  });
  set_template(std::move(parts), json);
}

void PostProcessor::trim(std::vector<PlacedToken>& tokens) const {
  for (size_t i = 0; i < tokens.size(); ++i) {
    PlacedToken& token = tokens[i];
    int64_t leading = token.leading_spaces;
    const int64_t trailing = token.trailing_spaces;
    Offset& offset = token.offset;
    if (leading > 0) {
      const bool is_first = i == 0 || offset.begin == 0;
      if (is_first && keeps_first_space_ && leading == 1) leading = 0;
      offset.begin = std::min(offset.begin + leading, offset.end);
    }
    if (trailing > 0 && offset.end >= trailing) {
      offset.end = std::max(offset.end - trailing, offset.begin);
    }
  }
}

void PostProcessor::process(std::vector<PlacedToken>& tokens, bool special_tokens) const {
  if (trims_) trim(tokens);
  if (!has_template_) return;
  std::vector<PlacedToken> all;
  all.reserve(tokens.size() + parts_.size());
  for (const Part& part : parts_) {
    if (part.is_text) all.insert(all.end(), tokens.begin(), tokens.end());
    if (!special_tokens) continue;
    for (const Token id : part.ids) all.push_back({.id = id, .offset = {}});
  }
  tokens = std::move(all);
}

std::vector<Token> PostProcessor::special_tokens() const {
  std::vector<Token> all;
  for (const Part& part : parts_) all.insert(all.end(), part.ids.begin(), part.ids.end());
  return all;
}

void PostProcessor::replace_special(Token before, Token after) {
  for (Part& part : parts_) std::replace(part.ids.begin(), part.ids.end(), before, after);
}

}  // namespace transept
