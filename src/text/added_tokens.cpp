#include "text/added_tokens.h"

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"
#include "text/language_codes.h"

namespace transept {
namespace {

constexpr size_t kLongestToken = 4096;  // bytes

bool ends_with_word(std::string_view text) {
  if (text.empty()) return false;
  size_t begin = text.size() - 1;
  while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
  return has(decode_utf8(text, begin).value, kRegexWord);
}

bool starts_with_word(std::string_view text) {
  return !text.empty() && has(decode_utf8(text, 0).value, kRegexWord);
}

// Where the white space at the end of text[0, end) begins.
size_t space_before(std::string_view text, size_t end) {
  while (end > 0) {
    size_t begin = end - 1;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
    if (!has(decode_utf8(text, begin).value, kRegexSpace)) break;
    end = begin;
  }
  return end;
}

// Where the white space that begins at `at` ends.
size_t space_after(std::string_view text, size_t at) {
  while (at < text.size()) {
    const CodePoint c = decode_utf8(text, at);
    if (!has(c.value, kRegexSpace)) break;
    at += static_cast<size_t>(c.size);
  }
  return at;
}

}  // namespace

AddedToken read_added_token(const Json& json) {
  AddedToken token{.content = std::string(json.at("content").as_string()),
                   .single_word = json.get("single_word", false),
                   .lstrip = json.get("lstrip", false),
                   .rstrip = json.get("rstrip", false),
                   .normalized = json.get("normalized", true),
                   .special = json.get("special", false)};
  check(token.content.size() <= kLongestToken, ErrorCode::limit,
        "{}: an added token of {} bytes, expected at most {}", json, token.content.size(),
        kLongestToken);
  return token;
}

AddedTokens::Finder::Finder(std::vector<DoubleArray::Key> texts, const std::string& where)
    : is_empty_(texts.empty()) {
  std::string letters;  // side by side: they are sorted, which looks at each many times
  for (const DoubleArray::Key& key : texts) letters += key.text;
  size_t begin = 0;
  for (DoubleArray::Key& key : texts) {
    check(!key.text.empty(), ErrorCode::bad_data, "{}: added token {} is empty once normalised",
          where, key.value);
    key.text = std::string_view(letters).substr(begin, key.text.size());
    begin += key.text.size();
  }
  trie_ = DoubleArray(texts);
  for (const DoubleArray::Key& key : texts) {
    const Token found = trie_.find(key.text);  // of equal texts the last one
    check(found == key.value, ErrorCode::bad_data, "{}: added tokens {} and {} are the same text",
          where, key.value, found);
  }
}

std::optional<AddedTokens::Finder::Found> AddedTokens::Finder::find(std::string_view text,
                                                                    size_t from) const {
  for (size_t begin = from; begin < text.size(); ++begin) {
    Found found;
    uint64_t node = trie_.root();
    for (size_t at = begin; at < text.size(); ++at) {
      if (!trie_.step(node, static_cast<unsigned char>(text[at]))) break;
      const Token id = DoubleArray::value(node);
      if (id != DoubleArray::kNone) found = {begin, at + 1, id};
    }
    if (found.id >= 0) return found;
  }
  return std::nullopt;
}

void AddedTokens::add(const std::vector<AddedToken>& tokens, const SubwordModel& model,
                      int model_count, const Normalizer* normalizer, const std::string& where) {
  Token next = model_count;
  if (!entries_.empty() && (last_id() >= model_count || model_count == 0)) next = last_id() + 1;
  for (const AddedToken& token : tokens) {
    if (token.content.empty()) continue;
    std::optional<Token> id = find(token.content);
    if (!id) id = model.find(token.content);
    if (!id) id = next++;
    Entry entry{.token = token, .normalized = std::nullopt};
    if (token.normalized && normalizer != nullptr) {
      AlignedText text(token.content);
      normalizer->normalize(text);
      if (text.text() != token.content) entry.normalized = text.text();
    }
    ids_[token.content] = *id;
    if (token.special) specials_.insert(token.content);
    entries_[*id] = std::move(entry);
  }
  index(where);
}

void AddedTokens::index(const std::string& where) {
  std::vector<DoubleArray::Key> plain;
  std::vector<DoubleArray::Key> normalized;
  for (const auto& [id, entry] : entries_) {
    const std::string& text = entry.normalized ? *entry.normalized : entry.token.content;
    (entry.token.normalized ? normalized : plain).push_back({text, id});
  }
  plain_ = Finder(std::move(plain), where);
  normalized_ = Finder(std::move(normalized), where);
}

std::optional<Token> AddedTokens::find(std::string_view content) const {
  const auto found = ids_.find(std::string(content));
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

const AddedToken* AddedTokens::at(Token id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second.token;
}

const std::string* AddedTokens::spelling(Token id) const {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return nullptr;
  return found->second.normalized ? &*found->second.normalized : &found->second.token.content;
}

bool AddedTokens::is_special(std::string_view spelling) const {
  return specials_.contains(std::string(spelling));
}

Token AddedTokens::last_id() const {
  return entries_.empty() ? -1 : entries_.rbegin()->first;
}

std::vector<Split> AddedTokens::cut(std::string_view text, const Finder& finder) const {
  std::vector<Split> splits;
  size_t done = 0;
  for (auto found = finder.find(text, 0); found; found = finder.find(text, found->end)) {
    const AddedToken& token = *at(found->id);
    size_t begin = found->begin;
    size_t end = found->end;
    if (token.single_word &&
        (ends_with_word(text.substr(0, begin)) || starts_with_word(text.substr(end)))) {
      continue;
    }
    if (token.lstrip) begin = std::max(space_before(text, begin), done);
    if (token.rstrip) end = space_after(text, end);
    if (done < begin) splits.push_back({done, begin, -1});
    splits.push_back({begin, end, found->id});
    done = end;
  }
  if (done != text.size()) splits.push_back({done, text.size(), -1});
  return splits;
}

SplitText AddedTokens::extract(std::string_view text, const Normalizer* normalizer) const {
  SplitText result;
  std::vector<Split> parts{{0, text.size(), -1}};
  if (!plain_.empty()) parts = cut(text, plain_);
  for (const Split& part : parts) {
    AlignedText piece(text.substr(part.begin, part.end - part.begin), part.begin);
    const size_t base = result.text.text().size();
    if (part.added >= 0) {
      result.splits.push_back({base, base + piece.text().size(), part.added});
      result.text.append(std::move(piece));
      continue;
    }
    if (normalizer != nullptr) normalizer->normalize(piece);
    if (piece.text().empty()) continue;
    if (normalized_.empty()) {
      result.splits.push_back({base, base + piece.text().size(), -1});
    } else {
      for (const Split& split : cut(piece.text(), normalized_)) {
        result.splits.push_back({base + split.begin, base + split.end, split.added});
      }
    }
    result.text.append(std::move(piece));
  }
  return result;
}

std::vector<Language> AddedTokens::languages() const {
  std::vector<Language> languages;
  for (const auto& [id, entry] : entries_) {
    const std::string_view code = code_of_token(entry.token.content);
    if (entry.token.special && !code.empty()) languages.push_back({std::string(code), id});
  }
  return languages;
}

}  // namespace transept
