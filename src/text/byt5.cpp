#include "text/byt5.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/utf8.h"
#include "text/decoders.h"
#include "text/spm.h"

namespace transept {
namespace {

constexpr Token kFirstByte = 3;  // the id of byte 0
constexpr int kVocabulary = 259;
constexpr int kMaxExtra = 1 << 16;

// The three special tokens take the white space around them along.
constexpr bool kStrips = true;

struct Specials {
  std::map<Token, AddedToken> added;
  std::vector<std::string> names;
  Token eos_id = 1;
};

Specials read_specials(const FamilyConfig& config) {
  Specials out;
  AddedToken flags;
  flags.lstrip = flags.rstrip = kStrips;
  const auto add = [&](Token id, std::string_view attribute, std::string_view otherwise) {
    auto token = config.named(attribute, otherwise, flags);
    check(token.has_value(), ErrorCode::unsupported, "ByT5 without {}", attribute);
    out.added[id] = *token;
    return token->content;
  };
  add(0, "pad_token", "<pad>");
  const std::string eos = add(1, "eos_token", "</s>");
  add(2, "unk_token", "<unk>");
  for (const auto& [id, token] : config.added()) out.added[id] = token;
  for (const auto& [id, token] : out.added) {
    if (token.content == eos) out.eos_id = id;
  }
  for (const std::string_view attribute : kSpecialAttributes) {
    const bool is_own =
        attribute == "pad_token" || attribute == "eos_token" || attribute == "unk_token";
    const std::string_view own = attribute == "pad_token"   ? "<pad>"
                                 : attribute == "eos_token" ? "</s>"
                                                            : "<unk>";
    if (auto token = config.named(attribute, is_own ? std::optional(own) : std::nullopt)) {
      out.names.push_back(token->content);
    }
  }
  const auto& extra = config.extra().empty() ? config.mapped_extra() : config.extra();
  for (const AddedToken& token : extra) out.names.push_back(token.content);
  if (extra.empty()) {
    const int n_extra = config.number("extra_ids", 125, 0, kMaxExtra);
    for (int i = 0; i < n_extra; ++i) out.names.push_back(fmt::format("<extra_id_{}>", i));
  }
  return out;
}

SlowTokens make_tokens(const FamilyConfig& config) {
  const Specials specials = read_specials(config);
  return SlowTokens(
      specials.added, specials.names, [](std::string_view) { return std::nullopt; }, kVocabulary);
}

}  // namespace

ByT5::ByT5(const FamilyConfig& config)
    : tokens_(make_tokens(config)),
      eos_id_(read_specials(config).eos_id),
      clean_up_spaces_(config.flag("clean_up_tokenization_spaces", false)) {}

Encoding ByT5::encode(std::string_view text, const EncodeOptions& options) const {
  check_text(text);
  Encoding out;
  CodePointCounter begin(text);
  CodePointCounter end(text);
  for (const SlowTokens::Part& part : tokens_.split(text)) {
    if (part.token) {
      out.ids.push_back(*part.token);
      out.offsets.push_back({begin.at(part.begin), end.at(part.end)});
      continue;
    }
    for (size_t at = part.begin; at < part.end;) {  // the bytes of a character share its offsets
      const size_t next = at + static_cast<size_t>(decode_utf8(text, at).size);
      const Offset offset = {begin.at(at), end.at(next)};
      for (; at < next; ++at) {
        out.ids.push_back(kFirstByte + static_cast<unsigned char>(text[at]));
        out.offsets.push_back(offset);
      }
    }
  }
  const bool has_end = !out.ids.empty() && out.ids.back() == eos_id_;
  if (options.special_tokens && !has_end) {
    out.ids.push_back(eos_id_);
    out.offsets.emplace_back();
  }
  return out;
}

std::string ByT5::decode(std::span<const Token> ids, bool skip_special) const {
  std::string bytes;
  for (const Token id : ids) {
    check(id >= 0 && id < size(), ErrorCode::bad_data, "id {} of a vocabulary of {}", id, size());
    if (skip_special && tokens_.is_special(id)) continue;
    if (const AddedToken* token = tokens_.at(id)) {
      bytes += token->content;
    } else {
      check(id < kVocabulary && id >= kFirstByte, ErrorCode::bad_data, "id {} is unused", id);
      bytes += static_cast<char>(id - kFirstByte);
    }
  }
  std::string text;
  for (size_t at = 0; at < bytes.size();) {  // the reference leaves out what is not UTF-8
    const CodePoint c = decode_utf8(bytes, at);
    if (c.valid) text.append(bytes, at, static_cast<size_t>(c.size));
    at += static_cast<size_t>(c.size);
  }
  return clean_up_spaces_ ? clean_up_spaces(std::move(text)) : text;
}

std::string ByT5::piece(Token id) const {
  if (const AddedToken* token = tokens_.at(id)) return token->content;
  std::string text;
  if (id >= kFirstByte && id < kVocabulary) append_utf8(text, char32_t(id - kFirstByte));
  return text;
}

std::optional<Token> ByT5::find(std::string_view piece) const {
  if (const auto id = tokens_.find(piece)) return id;
  if (piece.empty()) return std::nullopt;
  const CodePoint c = decode_utf8(piece, 0);
  if (!c.valid || static_cast<size_t>(c.size) != piece.size() || c.value > 0xff) return {};
  return kFirstByte + static_cast<Token>(c.value);
}

int ByT5::size() const {
  return std::max<int>(kVocabulary, tokens_.last_id() + 1);
}

}  // namespace transept
