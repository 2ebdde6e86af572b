#include "text/slow_tokens.h"

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"

namespace transept {

bool is_python_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
         c == 0x205f || c == 0x3000;
}

size_t leading_space(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const CodePoint c = decode_utf8(text, at);
    if (!is_python_space(c.value)) break;
    at += static_cast<size_t>(c.size);
  }
  return at;
}

size_t trailing_space(std::string_view text) {
  size_t end = text.size();
  while (end > 0) {
    size_t begin = end - 1;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xc0u) == 0x80u) --begin;
    if (!is_python_space(decode_utf8(text, begin).value)) break;
    end = begin;
  }
  return text.size() - end;
}

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  size_t at = 0;
  for (size_t hit = text.find(from); hit != std::string_view::npos; hit = text.find(from, at)) {
    out.append(text.substr(at, hit - at)).append(to);
    at = hit + from.size();
  }
  return out.append(text.substr(at));
}

SlowTokens::SlowTokens(const std::map<Token, AddedToken>& given,
                       const std::vector<std::string>& special, const Find& find,
                       int vocabulary_count)
    : added_(given) {
  for (const auto& [id, token] : added_) ids_[token.content] = id;
  int next = vocabulary_count;
  for (const std::string& content : special) {
    if (content.empty() || !special_.insert(content).second) continue;
    if (!ids_.contains(content)) {
      const auto known = find(content);
      const Token id = known ? *known : next++;
      added_.insert_or_assign(id, AddedToken{.content = content, .special = true});
      ids_[content] = id;
    }
    special_ids_.insert(ids_[content]);
  }
  for (const auto& [id, token] : added_) {
    check(!token.single_word, ErrorCode::unsupported, "added token {} '{}': single_word", id,
          token.content);
    add_to_trie(token.content);
  }
}

void SlowTokens::add_to_trie(std::string_view content) {
  size_t node = 0;
  for (size_t at = 0; at < content.size();) {
    const CodePoint c = decode_utf8(content, at);
    at += static_cast<size_t>(c.size);
    const auto [child, is_new] = trie_[node].next.try_emplace(c.value, trie_.size());
    node = child->second;
    if (is_new) trie_.emplace_back();
  }
  if (node != 0) trie_[node].is_end = true;
}

// The search of transformers' Trie.split, whose choice among overlapping tokens is its own: it
// follows every partial match, and where one ends takes the longest of those begun so far.
class SlowTokens::Splitter {
 public:
  Splitter(const std::vector<Node>& trie, std::string_view text) : trie_(trie) {
    for (size_t at = 0; at < text.size();) {
      const CodePoint c = decode_utf8(text, at);
      text_.push_back(c.value);
      bytes_.push_back(at);
      at += static_cast<size_t>(c.size);
    }
    bytes_.push_back(text.size());
  }

  // The cuts, as ascending byte positions from 0 to the end.
  std::vector<size_t> run() {
    for (size_t current = 0; current < text_.size(); ++current) {
      if (current >= resume_) advance(current);
    }
    for (const State& state : states_) {
      if (!trie_[state.node].is_end) continue;
      cuts_.push_back(state.start);
      cuts_.push_back(text_.size());
      break;
    }
    cuts_.push_back(text_.size());
    std::vector<size_t> places = {0};
    size_t last = 0;
    for (const size_t cut : cuts_) {
      if (cut <= last) continue;
      places.push_back(bytes_[cut]);
      last = cut;
    }
    return places;
  }

 private:
  struct State {
    size_t start;
    size_t node;
    bool is_dead = false;
  };

  [[nodiscard]] std::optional<size_t> child(size_t node, size_t at) const {
    if (at >= text_.size()) return std::nullopt;
    const auto found = trie_[node].next.find(text_[at]);
    return found == trie_[node].next.end() ? std::nullopt : std::optional(found->second);
  }

  void advance(size_t current) {
    for (State& state : states_) {
      if (trie_[state.node].is_end) {
        take_longest(state.start, current);
        states_.clear();
        break;
      }
      if (const auto next = child(state.node, current)) {
        state.node = *next;
      } else {
        state.is_dead = true;
      }
    }
    std::erase_if(states_, [](const State& state) { return state.is_dead; });
    if (current < resume_) return;
    if (const auto next = child(0, current)) states_.push_back({current, *next});
  }

  // A token from `start` ended before `current`. Earlier partial matches (which have seen
  // `current` already, even those that it ended) and this one may still become longer.
  void take_longest(size_t start, size_t current) {
    size_t end = current;
    for (const State& look : states_) {
      if (look.start > start) break;
      size_t at = look.start < start ? current + 1 : current;
      size_t node = look.node;
      end = at;
      if (trie_[node].is_end) {
        start = look.start;
        resume_ = at;
      }
      while (const auto next = child(node, at)) {
        node = *next;
        ++at;
        if (!trie_[node].is_end) continue;
        start = look.start;
        end = at;
        resume_ = at;
      }
    }
    cuts_.push_back(start);
    cuts_.push_back(end);
  }

  const std::vector<Node>& trie_;
  std::vector<char32_t> text_;
  std::vector<size_t> bytes_;
  std::vector<State> states_;
  std::vector<size_t> cuts_;
  size_t resume_ = 0;
};

std::vector<SlowTokens::Part> SlowTokens::split(std::string_view text) const {
  if (text.empty()) return {};
  bool may_contain = false;
  for (const auto& [c, node] : trie_[0].next) {
    std::string first;
    append_utf8(first, c);
    may_contain = may_contain || text.find(first) != std::string_view::npos;
  }
  if (!may_contain) return {{0, text.size(), std::nullopt}};
  const std::vector<size_t> places = Splitter(trie_, text).run();
  std::vector<Part> parts;
  for (size_t i = 0; i + 1 < places.size(); ++i) parts.push_back({places[i], places[i + 1], {}});
  const auto content = [&](const Part& part) {
    return text.substr(part.begin, part.end - part.begin);
  };
  for (size_t i = 0; i < parts.size(); ++i) {
    const auto token = find(content(parts[i]));
    if (!token) continue;
    const AddedToken& flags = added_.at(*token);
    if (flags.rstrip && i + 1 < parts.size()) {
      parts[i + 1].begin += leading_space(content(parts[i + 1]));
    }
    if (flags.lstrip && i > 0) parts[i - 1].end -= trailing_space(content(parts[i - 1]));
  }
  std::erase_if(parts, [](const Part& part) { return part.begin == part.end; });
  for (Part& part : parts) part.token = find(content(part));
  return parts;
}

const AddedToken* SlowTokens::at(Token id) const {
  const auto found = added_.find(id);
  return found == added_.end() ? nullptr : &found->second;
}

std::optional<Token> SlowTokens::find(std::string_view content) const {
  const auto found = ids_.find(std::string(content));
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

bool SlowTokens::is_special(Token id) const {
  return special_ids_.contains(id);
}

bool SlowTokens::is_special(std::string_view content) const {
  return special_.contains(std::string(content));
}

}  // namespace transept
