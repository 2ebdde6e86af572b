#include "text/unigram.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "base/error.h"

namespace transept {
namespace {

constexpr double kUnkPenalty = 10.0;  // an unknown character scores this much less than the worst
// sentencepiece 0.2.3 counts from zero again where a sum falls below this, lest singles lose the
// digits that tell pieces apart. (Found by experiment; shorter texts never get there.)
constexpr float kRebaseBelow = -100000.0F;
constexpr uint32_t kUnreached = UINT32_MAX;

// The best way to reach a place of the word.
template <class Sum>
struct Arrival {
  Sum sum;
  uint32_t begin;  // of its last piece
  Token id;        // of its last piece
};

// `size` arrivals, on the stack for words of ordinary length.
template <class Sum>
class Arrivals {
 public:
  explicit Arrivals(size_t size) {
    if (size > kInline) heap_ = std::make_unique_for_overwrite<Arrival<Sum>[]>(size);
    data_ = heap_ ? heap_.get() : inline_.data();
    std::fill_n(data_, size, Arrival<Sum>{0, kUnreached, -1});
  }
  Arrival<Sum>& operator[](size_t i) { return data_[i]; }

 private:
  static constexpr size_t kInline = 256;
  std::array<Arrival<Sum>, kInline> inline_;
  std::unique_ptr<Arrival<Sum>[]> heap_;
  Arrival<Sum>* data_;
};

size_t character_size(std::string_view word, size_t at) {
  const auto lead = static_cast<unsigned char>(word[at]);
  const size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  return std::min(size, word.size() - at);
}

}  // namespace

Unigram::Unigram(const std::vector<std::pair<std::string, double>>& pieces, int unk_id,
                 bool byte_fallback)
    : rules_(UnigramRules::tokenizers), unk_id_(unk_id), byte_fallback_(byte_fallback) {
  check(unk_id < static_cast<int>(pieces.size()), ErrorCode::bad_data,
        "vocabulary: unk_id {} of {} pieces", unk_id, pieces.size());
  std::vector<std::string_view> texts;
  std::vector<DoubleArray::Key> keys;
  double least = std::numeric_limits<double>::infinity();
  for (const auto& [text, score] : pieces) {
    const auto id = static_cast<Token>(texts.size());
    if (text.empty()) empty_piece_ = id;
    keys.push_back({text, id});
    texts.push_back(text);
    scores_.push_back(score);
    least = std::min(least, score);
  }
  unk_score_ = least - kUnkPenalty;
  is_unused_.assign(scores_.size(), false);
  trie_ = DoubleArray(std::move(keys));
  texts_ = PieceTable(texts);
  for (size_t byte = 0; byte < byte_id_.size(); ++byte) {
    byte_id_[byte] = trie_.find(fmt::format("<0x{:02X}>", byte));
  }
}

Unigram::Unigram(const std::vector<SpmPiece>& pieces, int unk_id)
    : rules_(UnigramRules::sentencepiece), unk_id_(unk_id), byte_fallback_(false) {
  float least = std::numeric_limits<float>::max();
  float most = std::numeric_limits<float>::min();  // sic: the reference starts from FLT_MIN
  for (const SpmPiece& piece : pieces) {
    if (piece.kind != Kind::normal) continue;
    least = std::min(least, piece.score);
    most = std::max(most, piece.score);
  }
  unk_score_ = static_cast<double>(least - static_cast<float>(kUnkPenalty));
  std::vector<std::string_view> texts;
  std::vector<DoubleArray::Key> keys;
  for (const SpmPiece& piece : pieces) {
    if (piece.kind != Kind::other) keys.push_back({piece.text, static_cast<Token>(texts.size())});
    const bool is_user_defined = piece.kind == Kind::user_defined;
    // A bonus by length, so that a user-defined piece is always chosen.
    const auto bonus = static_cast<double>(static_cast<float>(piece.text.size()) * most) - 0.1;
    scores_.push_back(is_user_defined ? bonus : static_cast<double>(piece.score));
    is_unused_.push_back(piece.kind == Kind::unused);
    texts.push_back(piece.text);
  }
  trie_ = DoubleArray(std::move(keys));
  texts_ = PieceTable(texts);
  byte_id_.fill(DoubleArray::kNone);
}

// Viterbi over bytes: each character's start is reached from earlier ones, by a piece or by an
// unknown character. Appends the pieces of the best path.
template <class Sum>
void Unigram::search(std::string_view word, std::vector<Piece>& out) const {
  Arrivals<Sum> best(word.size() + 1);
  const auto unk_score = static_cast<Sum>(unk_score_);
  size_t reached = 0;  // the last place that has an arrival
  for (size_t begin = 0; begin < word.size();) {
    if (std::is_same_v<Sum, float> && best[begin].sum < kRebaseBelow) {
      const Sum base = best[begin].sum;
      for (size_t i = begin; i <= reached; ++i) best[i].sum -= base;
    }
    const Sum before = best[begin].sum;
    const size_t one = character_size(word, begin);
    bool is_known = false;
    uint64_t node = trie_.root();
    for (size_t end = begin; end < word.size();) {
      if (!trie_.step(node, static_cast<unsigned char>(word[end]))) break;
      ++end;
      const Token id = DoubleArray::value(node);
      if (id == DoubleArray::kNone || is_unused_[static_cast<size_t>(id)]) continue;
      reached = std::max(reached, end);
      const Sum sum = static_cast<Sum>(scores_[static_cast<size_t>(id)]) + before;
      Arrival<Sum>& there = best[end];
      if (there.begin == kUnreached || sum > there.sum) {
        there = {sum, static_cast<uint32_t>(begin), id};
      }
      is_known = is_known || end - begin == one;
    }
    if (!is_known) {
      check(unk_id_ >= 0, ErrorCode::bad_data,
            "the vocabulary has neither the character at byte {} nor an unknown piece", begin);
      const Sum sum = unk_score + before;
      reached = std::max(reached, begin + one);
      Arrival<Sum>& there = best[begin + one];
      if (there.begin == kUnreached || sum > there.sum) {
        there = {sum, static_cast<uint32_t>(begin), unk_id_};
      }
    }
    begin += one;
  }
  const auto first = static_cast<std::ptrdiff_t>(out.size());
  for (auto end = static_cast<uint32_t>(word.size()); end > 0;) {
    out.push_back({best[end].id, best[end].begin, end});
    end = best[end].begin;
  }
  std::reverse(out.begin() + first, out.end());
}

void Unigram::tokenize(std::string_view word, std::vector<Piece>& out) const {
  check(word.size() < kUnreached, ErrorCode::limit, "a word of {} bytes, at most {}", word.size(),
        kUnreached);
  const size_t begin = out.size();
  if (rules_ == UnigramRules::sentencepiece) {
    search<float>(word, out);
    return;
  }
  search<double>(word, out);
  join_unknown(word, begin, out);
}

// Replaces each run of unknown pieces in out[begin, end).
void Unigram::join_unknown(std::string_view word, size_t begin, std::vector<Piece>& out) const {
  const auto is_unknown = [this](const Piece& piece) { return piece.id == unk_id_; };
  const auto from = out.begin() + static_cast<std::ptrdiff_t>(begin);
  if (std::none_of(from, out.end(), is_unknown)) return;
  const std::vector<Piece> pieces(from, out.end());
  out.resize(begin);
  for (size_t i = 0; i < pieces.size();) {
    Piece piece = pieces[i++];
    if (!is_unknown(piece)) {
      out.push_back(piece);
      continue;
    }
    while (i < pieces.size() && is_unknown(pieces[i])) piece.end = pieces[i++].end;
    add_unknown(word, piece, out);
  }
}

// A run of unknown characters may, as a whole, be in the vocabulary.
void Unigram::add_unknown(std::string_view word, Piece run, std::vector<Piece>& out) const {
  const std::string_view text = word.substr(run.begin, run.end - run.begin);
  const auto byte_id = [this](char c) { return byte_id_[static_cast<unsigned char>(c)]; };
  if (const auto id = find(text)) {
    out.push_back({*id, run.begin, run.end});
  } else if (byte_fallback_ &&
             std::all_of(text.begin(), text.end(), [&](char c) { return byte_id(c) >= 0; })) {
    for (const char c : text) out.push_back({byte_id(c), run.begin, run.end});
  } else {
    out.push_back(run);
  }
}

std::optional<Token> Unigram::find(std::string_view piece) const {
  if (piece.empty()) return empty_piece_;
  const Token id = trie_.find(piece);
  return id == DoubleArray::kNone ? std::nullopt : std::optional(id);
}

}  // namespace transept
