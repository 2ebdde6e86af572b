#include "text/bpe.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <queue>

#include "base/error.h"
#include "base/utf8.h"
#include "text/byte_level.h"

namespace transept {
namespace {

constexpr uint32_t kNever = UINT32_MAX;  // the rank of a pair that does not merge
constexpr size_t kShort = 40;            // symbols up to which looking at all pairs is the fastest

uint64_t pair_key(Token left, Token right) {
  return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
}

size_t pair_hash(uint64_t pair) {
  pair *= 0x9E3779B97F4A7C15u;
  return static_cast<size_t>(pair ^ (pair >> 32));
}

}  // namespace

struct Bpe::Symbol {
  Token id = 0;
  uint32_t size = 0;  // bytes of the word
};

Bpe::Bpe(Vocabulary vocabulary, const Merges& merges, BpeOptions options, const std::string& where)
    : vocabulary_(std::move(vocabulary)), options_(std::move(options)) {
  merges_.resize(std::bit_ceil(2 * merges.size() + 2));
  check(merges.size() < kNever / 4, ErrorCode::limit, "{}: {} merges", where, merges.size());
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const Token result = merged(merges[rank], rank, where);
    insert_merge({.pair = pair_key(*find(merges[rank].first), *find(merges[rank].second)),
                  .rank = static_cast<uint32_t>(rank),
                  .result = result});
  }
  unknown_ = find(options_.unknown).value_or(-1);
  for (size_t byte = 0; byte < fallback_.size(); ++byte) {
    fallback_[byte] = find(fmt::format("<0x{:02X}>", byte)).value_or(-1);
  }
  for (size_t c = 0; c < ascii_.size(); ++c) {
    const char letter = static_cast<char>(c);
    ascii_[c] = find(std::string_view(&letter, 1)).value_or(-1);
  }
}

Token Bpe::merged(const std::pair<std::string, std::string>& merge, size_t rank,
                  const std::string& where) const {
  const auto& [left, right] = merge;
  for (const std::string& piece : {left, right}) {
    check(find(piece).has_value(), ErrorCode::bad_data,
          "{}: merge {} (\"{}\" \"{}\"): \"{}\" is not in the vocabulary", where, rank, left, right,
          piece);
  }
  const size_t prefix = options_.continuing_prefix.size();
  check(right.size() >= prefix, ErrorCode::bad_data,
        "{}: merge {} (\"{}\" \"{}\"): the second piece is shorter than the prefix \"{}\"", where,
        rank, left, right, options_.continuing_prefix);
  const std::optional<Token> result = find(left + right.substr(prefix));
  check(result.has_value(), ErrorCode::bad_data,
        "{}: merge {} (\"{}\" \"{}\"): the result is not in the vocabulary", where, rank, left,
        right);
  return *result;
}

// A pair that is listed twice counts where it is listed last, as in the reference.
void Bpe::insert_merge(const Merge& merge) {
  const size_t mask = merges_.size() - 1;
  size_t at = pair_hash(merge.pair) & mask;
  while (merges_[at].pair != UINT64_MAX && merges_[at].pair != merge.pair) at = (at + 1) & mask;
  merges_[at] = merge;
}

const Bpe::Merge* Bpe::find_merge(Token left, Token right) const {
  const uint64_t pair = pair_key(left, right);
  const size_t mask = merges_.size() - 1;
  for (size_t at = pair_hash(pair) & mask; merges_[at].pair != UINT64_MAX; at = (at + 1) & mask) {
    if (merges_[at].pair == pair) return &merges_[at];
  }
  return nullptr;
}

bool Bpe::use_raw_bytes() {
  if (!options_.continuing_prefix.empty() || !options_.end_of_word_suffix.empty()) return false;
  std::array<Token, 256> bytes{};
  for (size_t byte = 0; byte < bytes.size(); ++byte) {
    std::string spelled;
    append_utf8(spelled, byte_to_char(static_cast<unsigned char>(byte)));
    const std::optional<Token> id = find(spelled);
    if (!id) return false;
    bytes[byte] = *id;
  }
  if (options_.ignore_merges) {
    std::vector<std::pair<std::string, Token>> pieces;
    for (Token id = 0; id < size(); ++id) {
      if (!vocabulary_.contains(id)) continue;
      if (const auto spelled = spelled_bytes(piece(id))) pieces.emplace_back(*spelled, id);
    }
    raw_vocabulary_ = Vocabulary(pieces, "vocabulary");
  }
  bytes_ = bytes;
  raw_bytes_ = true;
  return true;
}

bool Bpe::add_bytes(std::string_view text, std::vector<Symbol>& symbols) const {
  for (const char c : text) {
    if (fallback_[static_cast<unsigned char>(c)] < 0) return false;
  }
  for (const char c : text) symbols.push_back({fallback_[static_cast<unsigned char>(c)], 1});
  return true;
}

void Bpe::start_symbols(std::string_view word, std::vector<Symbol>& symbols) const {
  if (raw_bytes_) {
    for (const char c : word) symbols.push_back({bytes_[static_cast<unsigned char>(c)], 1});
    return;
  }
  const bool plain = options_.continuing_prefix.empty() && options_.end_of_word_suffix.empty();
  uint32_t unknown_size = 0;  // of unknown text that is not among the symbols yet
  const auto flush = [&] {
    if (unknown_size > 0) symbols.push_back({unknown_, unknown_size});
    unknown_size = 0;
  };
  std::string decorated;
  for (size_t at = 0; at < word.size();) {
    const auto lead = static_cast<unsigned char>(word[at]);
    const size_t size = lead < 0x80 ? 1 : static_cast<size_t>(decode_utf8(word, at).size);
    std::string_view text = word.substr(at, size);
    Token id = -1;
    if (plain && lead < 0x80) {
      id = ascii_[lead];
    } else {
      if (!plain) {
        decorated = at == 0 ? "" : options_.continuing_prefix;
        decorated += text;
        if (at + size == word.size()) decorated += options_.end_of_word_suffix;
        text = decorated;
      }
      id = find(text).value_or(-1);
    }
    at += size;
    if (id >= 0) {
      flush();
      symbols.push_back({id, static_cast<uint32_t>(size)});
    } else if (!(options_.byte_fallback && add_bytes(text, symbols)) && !options_.unknown.empty()) {
      check(unknown_ >= 0, ErrorCode::bad_data,
            "the text has a character that is not in the vocabulary, nor is the piece \"{}\" for "
            "such characters",
            options_.unknown);
      if (!options_.fuse_unknown) flush();
      unknown_size += static_cast<uint32_t>(size);
    }
  }
  flush();
}

// Looks at all pairs for every merge: quadratic, but in registers and cache.
void Bpe::merge_short(std::vector<Symbol>& symbols) const {
  std::array<uint32_t, kShort> rank;
  std::array<Token, kShort> result;
  size_t n = symbols.size();
  const auto look_up = [&](size_t i) {
    const Merge* merge = find_merge(symbols[i].id, symbols[i + 1].id);
    rank[i] = merge != nullptr ? merge->rank : kNever;
    result[i] = merge != nullptr ? merge->result : 0;
  };
  for (size_t i = 0; i + 1 < n; ++i) look_up(i);
  while (n > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < n; ++i) best = rank[i] < rank[best] ? i : best;
    if (rank[best] == kNever) break;
    symbols[best].id = result[best];
    symbols[best].size += symbols[best + 1].size;
    for (size_t i = best + 1; i + 1 < n; ++i) {
      symbols[i] = symbols[i + 1];
      rank[i] = rank[i + 1];
      result[i] = result[i + 1];
    }
    --n;
    if (best > 0) look_up(best - 1);
    if (best + 1 < n) look_up(best);
  }
  symbols.resize(n);
}

// A queue of candidate merges over a linked list of symbols: n log n.
void Bpe::merge_long(std::vector<Symbol>& symbols) const {
  struct Link {
    uint32_t previous, next;
    uint32_t rank;  // of the pair that begins here, now: older queue entries do not match it
    Token result;
  };
  struct Candidate {
    uint32_t rank, at;
    bool operator>(const Candidate& other) const {
      return rank != other.rank ? rank > other.rank : at > other.at;
    }
  };
  const auto n = static_cast<uint32_t>(symbols.size());
  std::vector<Link> links(n);
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto look_up = [&](uint32_t at) {
    const Merge* merge =
        links[at].next < n ? find_merge(symbols[at].id, symbols[links[at].next].id) : nullptr;
    links[at].rank = merge != nullptr ? merge->rank : kNever;
    if (merge == nullptr) return;
    links[at].result = merge->result;
    queue.push({merge->rank, at});
  };
  for (uint32_t i = 0; i < n; ++i) {
    links[i] = {.previous = i == 0 ? n : i - 1, .next = i + 1, .rank = kNever, .result = 0};
    look_up(i);
  }
  while (!queue.empty()) {
    const Candidate top = queue.top();
    queue.pop();
    if (links[top.at].rank != top.rank) continue;
    Link& left = links[top.at];
    const uint32_t gone = left.next;
    symbols[top.at].id = left.result;
    symbols[top.at].size += symbols[gone].size;
    left.next = links[gone].next;
    links[gone].rank = kNever;
    symbols[gone].size = 0;
    if (left.next < n) links[left.next].previous = top.at;
    look_up(top.at);
    if (left.previous < n) look_up(left.previous);
  }
  std::erase_if(symbols, [](const Symbol& s) { return s.size == 0; });
}

void Bpe::tokenize(std::string_view word, std::vector<Piece>& out) const {
  if (word.empty()) return;
  if (options_.ignore_merges) {
    if (const auto id = raw_bytes_ ? raw_vocabulary_.find(word) : find(word)) {
      out.push_back({*id, 0, static_cast<uint32_t>(word.size())});
      return;
    }
  }
  thread_local std::vector<Symbol> symbols;
  symbols.clear();
  start_symbols(word, symbols);
  if (symbols.size() <= kShort) {
    merge_short(symbols);
  } else {
    merge_long(symbols);
  }
  uint32_t at = 0;
  for (const Symbol& symbol : symbols) {
    out.push_back({symbol.id, at, at + symbol.size});
    at += symbol.size;
  }
  if (symbols.capacity() > 65536) std::vector<Symbol>().swap(symbols);
}

}  // namespace transept
