#include "text/spm_bpe.h"

#include <algorithm>
#include <unordered_map>

#include "text/spm_normalizer.h"

namespace transept {
namespace {

using Type = SpmProto::Type;

bool is_ordinary(Type type) {
  return type == Type::normal || type == Type::user_defined || type == Type::unused;
}

template <class Belongs>
DoubleArray trie_of(const SpmProto& proto, const Belongs& belongs) {
  std::vector<DoubleArray::Key> keys;
  for (size_t id = 0; id < proto.pieces.size(); ++id) {
    const auto& piece = proto.pieces[id];
    if (belongs(piece.type)) keys.push_back({piece.text, static_cast<Token>(id)});
  }
  return DoubleArray(std::move(keys));
}

size_t character_size(std::string_view word, size_t at) {
  const auto lead = static_cast<unsigned char>(word[at]);
  const size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  return std::min(size, word.size() - at);
}

constexpr uint32_t kNone = UINT32_MAX;
constexpr uint64_t kNoNode = UINT64_MAX;

}  // namespace

SpmModel::SpmModel(const SpmProto& proto)
    : ordinary_(trie_of(proto, is_ordinary)),
      reserved_(trie_of(proto, [](Type type) { return !is_ordinary(type); })),
      user_defined_(trie_of(proto, [](Type type) { return type == Type::user_defined; })) {
  std::vector<std::string_view> texts;
  for (const auto& piece : proto.pieces) {
    if (piece.type == Type::unknown) unk_id_ = static_cast<Token>(texts.size());
    texts.push_back(piece.text);
  }
  texts_ = PieceTable(texts);
}

std::optional<Token> SpmModel::find(std::string_view piece) const {
  Token id = reserved_.find(piece);
  if (id == DoubleArray::kNone) id = ordinary_.find(piece);
  return id == DoubleArray::kNone ? std::nullopt : std::optional(id);
}

SpmBpe::SpmBpe(const SpmProto& proto) : SpmModel(proto) {
  for (const auto& piece : proto.pieces) {
    scores_.push_back(piece.score);
    is_unused_.push_back(piece.type == Type::unused);
  }
}

// The state of one word: its symbols as a linked list, the pairs that may be joined as a heap.
class SpmBpe::Merger {
 public:
  Merger(const SpmBpe& model, std::string_view word) : model_(model), word_(word) {}

  void run(std::vector<Piece>& out) {
    split();
    for (uint32_t i = 1; i < symbols_.size(); ++i) add_pair(i - 1, i);
    while (!pairs_.empty()) {
      std::pop_heap(pairs_.begin(), pairs_.end(), is_worse);
      const Pair pair = pairs_.back();
      pairs_.pop_back();
      if (is_current(pair)) join(pair);
    }
    for (uint32_t i = symbols_.empty() ? kNone : 0; i != kNone; i = symbols_[i].next) emit(i, out);
  }

 private:
  struct Symbol {
    uint32_t begin, end;  // bytes of the word; end == begin once joined to its left neighbour
    uint32_t previous, next;
    uint64_t node;   // of the trie, reached by its bytes; kNoNode if none
    bool is_frozen;  // user-defined: never joined
  };
  struct Pair {
    float score;
    uint32_t left, right;
    uint32_t size;  // in bytes, when it was found
    uint64_t node;
  };
  static bool is_worse(const Pair& a, const Pair& b) {
    return a.score < b.score || (a.score == b.score && a.left > b.left);
  }

  [[nodiscard]] uint64_t walk(uint64_t node, uint32_t begin, uint32_t end) const {
    for (uint32_t i = begin; i < end; ++i) {
      if (!model_.ordinary_.step(node, static_cast<unsigned char>(word_[i]))) return kNoNode;
    }
    return node;
  }

  void split() {
    symbols_.reserve(word_.size());
    for (size_t begin = 0; begin < word_.size();) {
      size_t size = model_.user_defined_size(word_.substr(begin));
      const bool is_frozen = size > 0;
      if (!is_frozen) size = character_size(word_, begin);
      const auto from = static_cast<uint32_t>(begin);
      const auto to = static_cast<uint32_t>(begin + size);
      const auto index = static_cast<uint32_t>(symbols_.size());
      symbols_.push_back({from, to, index == 0 ? kNone : index - 1, index + 1,
                          walk(model_.ordinary_.root(), from, to), is_frozen});
      begin += size;
    }
    if (!symbols_.empty()) symbols_.back().next = kNone;
  }

  void add_pair(uint32_t left, uint32_t right) {
    if (left == kNone || right == kNone) return;
    const Symbol& a = symbols_[left];
    const Symbol& b = symbols_[right];
    if (a.is_frozen || b.is_frozen || a.node == kNoNode) return;
    const uint64_t node = walk(a.node, b.begin, b.end);
    if (node == kNoNode) return;
    const Token id = DoubleArray::value(node);
    if (id == DoubleArray::kNone) return;
    pairs_.push_back({model_.scores_[static_cast<size_t>(id)], left, right, b.end - a.begin, node});
    std::push_heap(pairs_.begin(), pairs_.end(), is_worse);
    if (model_.is_unused_[static_cast<size_t>(id)]) cuts_[id] = a.end - a.begin;
  }

  [[nodiscard]] bool is_current(const Pair& pair) const {
    const Symbol& a = symbols_[pair.left];
    const Symbol& b = symbols_[pair.right];
    return a.begin != a.end && b.begin != b.end && b.end - a.begin == pair.size && a.end == b.begin;
  }

  void join(const Pair& pair) {
    Symbol& a = symbols_[pair.left];
    Symbol& b = symbols_[pair.right];
    a.end = b.end;
    a.node = pair.node;
    a.next = b.next;
    if (b.next != kNone) symbols_[b.next].previous = pair.left;
    b.end = b.begin;
    add_pair(a.previous, pair.left);
    add_pair(pair.left, a.next);
  }

  void emit(uint32_t index, std::vector<Piece>& out) {
    std::vector<Piece> todo = {{0, symbols_[index].begin, symbols_[index].end}};
    while (!todo.empty()) {
      Piece piece = todo.back();
      todo.pop_back();
      piece.id = model_.id_of(word_.substr(piece.begin, piece.end - piece.begin));
      const auto cut =
          model_.is_unused_[static_cast<size_t>(piece.id)] ? cuts_.find(piece.id) : cuts_.end();
      if (cut == cuts_.end()) {
        out.push_back(piece);
      } else {
        todo.push_back({0, piece.begin + cut->second, piece.end});
        todo.push_back({0, piece.begin, piece.begin + cut->second});
      }
    }
  }

  const SpmBpe& model_;
  std::string_view word_;
  std::vector<Symbol> symbols_;
  std::vector<Pair> pairs_;
  std::unordered_map<Token, uint32_t> cuts_;  // unused piece -> bytes of its left part
};

void SpmBpe::tokenize(std::string_view word, std::vector<Piece>& out) const {
  Merger(*this, word).run(out);
}

void SpmCharacters::tokenize(std::string_view word, std::vector<Piece>& out) const {
  for (size_t begin = 0; begin < word.size();) {
    size_t size = user_defined_size(word.substr(begin));
    if (size == 0) size = character_size(word, begin);
    out.push_back({id_of(word.substr(begin, size)), static_cast<uint32_t>(begin),
                   static_cast<uint32_t>(begin + size)});
    begin += size;
  }
}

void SpmWords::tokenize(std::string_view word, std::vector<Piece>& out) const {
  for (size_t begin = 0; begin < word.size();) {
    const size_t end = std::min(word.find(kSpaceSymbol, begin + 1), word.size());
    out.push_back({id_of(word.substr(begin, end - begin)), static_cast<uint32_t>(begin),
                   static_cast<uint32_t>(end)});
    begin = end;
  }
}

}  // namespace transept
